import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { FileStore, MemoryStore, type SessionStore } from 'nestjs-keycard';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SessionManager } from '../../../lib/session-manager.js';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { Gate } from '../../support/gate.js';
import { ObservedStore } from '../../support/observed-store.js';
import { scripted } from '../../support/scripted.js';

let gate: Gate;
let outcome: unknown;

const controller = scripted({
  login: (session) => session.login('7', { user: { name: 'Ann' } }),
  look: (session) => ({ user: session.user ?? null }),
  slowChange: async (session) => {
    session.late = true;
    await gate.pass();
  },
  slowTouch: async (session) => {
    session.touch();
    await gate.pass();
  },
  slowRenew: async (session) => {
    await session.renew();
    await gate.pass();
  },
  slowUpdate: async (session) => {
    await gate.pass();
    outcome = await session.update((draft) => void (draft.late = true)).catch((error: unknown) => error);
  },
  slowSave: async (session) => {
    session.late = true;
    await gate.pass();
    outcome = await session.save().catch((error: unknown) => error);
  },
  logout: (session) => session.destroy(),
  withCallback: (session) =>
    new Promise((resolve) => {
      session.destroy((error) => resolve(error ? `could not log out: ${(error as Error).name}` : 'logged out'));
    }),
});

const folders: string[] = [];
const kinds: [string, () => Promise<SessionStore>][] = [
  ['MemoryStore', () => Promise.resolve(new MemoryStore())],
  [
    'FileStore',
    async () => {
      folders.push(await mkdtemp(join(tmpdir(), 'keycard-in-flight-')));
      return new FileStore({ path: folders.at(-1)!, fsync: false, pruneInterval: false });
    },
  ],
];

describe.each(kinds)('a logout on %s', (_, makeStore) => {
  let store: ObservedStore;
  let server: TestApp;
  let jar: Jar;
  const visit = (script: string, cookie = jar.header) => fetch(`${server.url}/s/${script}`, { headers: { cookie } });
  const gone = (): number => server.app.get(SessionManager).counters.gone;

  beforeEach(async () => {
    gate = new Gate();
    outcome = undefined;
    const inner = await makeStore();
    await inner.open?.();
    store = new ObservedStore(inner);
    server = await startApp([controller], { store, logger: { warn: () => undefined, error: () => undefined } });
    jar = new Jar();
    await jar.fetch(`${server.url}/s/login`);
  });
  afterEach(async () => {
    await server.close();
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
  });

  it.each(['slowChange', 'slowTouch', 'slowRenew'])('is not undone by a request in flight: %s', async (script) => {
    const inFlight = visit(script);
    await gate.reached;
    const logout = await visit('logout');
    expect([logout.status, logout.headers.getSetCookie()]).toEqual([200, [expect.stringMatching(/^sid=; .*1970/)]]);
    expect([gone(), await store.count()]).toEqual([0, 0]);
    gate.open();
    const answer = await inFlight;
    // It did meet the logout, wrote nothing back, and neither set nor cleared a cookie.
    expect([gone(), await store.count(), answer.status, answer.headers.getSetCookie()]).toEqual([1, 0, 200, []]);
    expect(await (await visit('look')).json()).toEqual({ user: null });
  });

  it.each(['slowUpdate', 'slowSave'])('is reported to the caller: %s', async (script) => {
    const inFlight = visit(script);
    await gate.reached;
    await visit('logout');
    gate.open();
    expect((await inFlight).headers.getSetCookie()).toEqual([]);
    expect([gone(), await store.count()]).toEqual([1, 0]);
    expect(outcome).toMatchObject({ name: 'SessionStateError', code: 'ENDED' });
  });

  it('wins over a change whose write waits at the store', async () => {
    gate.open();
    const writing = store.hold('replace');
    const inFlight = visit('slowChange');
    await writing.reached;
    // From another process, so that no queue orders the two.
    const id = store.calls.at(-1)!.id;
    expect(await store.inner.destroy(id)).toBe('ok');
    writing.open();
    const answer = await inFlight;
    expect([answer.status, gone(), await store.count()]).toEqual([200, 1, 0]);
  });

  it('does not wait for a change whose write is under way in this process, and nothing of it comes back (#11)', async () => {
    gate.open();
    const writing = store.hold('replace');
    const inFlight = visit('slowChange');
    await writing.reached;
    expect((await visit('logout')).status).toBe(200);
    writing.open();
    expect([(await inFlight).status, await store.count()]).toEqual([200, 0]);
    expect(store.calls.filter((call) => call.method === 'replace').map((call) => call.result)).toEqual(['gone']);
  });

  it('meets a change of another process that is faster: it ends the newer version as well', async () => {
    const ending = store.hold('destroy');
    const logout = visit('logout');
    await ending.reached;
    const id = store.calls.at(-1)!.id;
    const found = (await store.inner.load(id))!;
    expect(await store.inner.replace(id, { text: found.text, expiresAt: Date.now() + 60_000 }, found.revision)).toBe(
      'ok',
    );
    ending.open();
    expect([(await logout).status, await store.count()]).toEqual([200, 0]);
    expect(store.calls.filter((call) => call.method === 'destroy').map((call) => call.result)).toEqual([
      'conflict',
      'ok',
    ]);
  });

  it('that fails in the store says so: 503 and no cleared cookie, or an error in the callback', async () => {
    store.failure = new Error('down');
    store.failing = ['destroy'];
    const answer = await visit('logout');
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([503, []]);
    expect(await answer.text()).not.toContain('down');
    const told = await visit('withCallback');
    expect([told.status, await told.text(), told.headers.getSetCookie()]).toEqual([
      200,
      'could not log out: SessionStoreError',
      [],
    ]);
    expect(await (await visit('look')).json()).toEqual({ user: { name: 'Ann' } });
    store.failure = undefined;
    expect(await (await visit('withCallback')).text()).toBe('logged out');
    expect(await (await visit('look')).json()).toEqual({ user: null });
  });

  it('twice is no error', async () => {
    const cookie = jar.header;
    expect((await visit('logout', cookie)).status).toBe(200);
    expect((await visit('logout', cookie)).status).toBe(200);
  });
});
