import { describe, expect, it } from '@jest/globals';
import { MemoryStore } from 'nestjs-keycard';
import ours from 'nestjs-keycard/express';
import { both, type LiveSession, type LiveStore, type SessionFactory, serve } from '../../support/express-app.js';

type Callback = (error?: unknown) => void;
interface Held {
  store: LiveStore & { sessions: Record<string, string> };
  loaded: LiveSession;
}

/** What a method tells its callback. */
const told = (call: (callback: Callback) => unknown): Promise<unknown> =>
  new Promise((resolve) => call((error) => resolve((error as Error | undefined)?.message)));

/** A session that was loaded by its id, apart from any request: a socket's, or a job's. */
async function held(session: SessionFactory): Promise<Held> {
  const store = new session.MemoryStore() as unknown as Held['store'];
  session({ secret: 'x', store: store as never, resave: false, saveUninitialized: false, genid: () => 'new' });
  store.sessions.one = JSON.stringify({ cookie: { originalMaxAge: null, path: '/' }, user: 'Ann' });
  const loaded = await new Promise<LiveSession>((resolve) => store.load('one', (_, found) => resolve(found!)));
  return { store, loaded };
}

describe.each(both)('a session apart from any request under %s (#14)', (_, session) => {
  it('reload() reads it again, and fails if it is gone', async () => {
    const { store, loaded } = await held(session);
    store.sessions.one = JSON.stringify({ cookie: { originalMaxAge: null }, user: 'Bob' });
    expect(await told((callback) => loaded.reload(callback))).toBeUndefined();
    expect((loaded.req as unknown as { session: LiveSession }).session.user).toBe('Bob');
    delete store.sessions.one;
    expect(await told((callback) => loaded.reload(callback))).toBe('failed to load session');
  });

  it('destroy() removes it from its store and from what held it', async () => {
    const { store, loaded } = await held(session);
    expect(await told((callback) => loaded.destroy(callback))).toBeUndefined();
    expect(store.sessions).toEqual({});
    expect(loaded.req).not.toHaveProperty('session');
  });

  it('regenerate() puts a new one in its place', async () => {
    const { store, loaded } = await held(session);
    expect(await told((callback) => loaded.regenerate(callback))).toBeUndefined();
    expect(store.sessions).toEqual({});
    expect(loaded.req.sessionID).toBe('new');
  });
});

it('a store that has to be opened is opened before the first request, and again after a failure (#14)', async () => {
  class OpenedStore extends MemoryStore {
    opened: string[] = [];
    override open = async (): Promise<void> => {
      this.opened.push('open');
      if (this.opened.length === 1) throw new Error('not yet');
    };
  }
  const store = new OpenedStore();
  const app = await serve(ours, { store }, (req, res) => res.end(String(req.session !== undefined)));
  expect(await app.text()).toBe('not yet');
  expect(await Promise.all([app.text(), app.text()])).toEqual(['true', 'true']);
  expect(store.opened).toEqual(['open', 'open']);
});
