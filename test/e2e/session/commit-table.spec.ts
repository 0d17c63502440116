import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { MemoryStore } from 'nestjs-keycard';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, signed, startApp, type TestApp } from '../../support/app.js';
import { ObservedStore } from '../../support/observed-store.js';
import { nodeRequest } from '../../support/express-like.js';
import { scripted } from '../../support/scripted.js';
import { TestClock } from '../../support/test-clock.js';

const MINUTE = 60_000;
const DAY = 86_400_000;

const controller = scripted({
  plain: () => 'plain',
  look: (session) => ({ views: session.views ?? null }),
  count: (session) => String((session.views = ((session.views as number | undefined) ?? 0) + 1)),
  same: (session) => void (session.views = session.views as number),
  login: (session) => session.login('7', { user: { name: 'Ann' } }),
  renew: (session) => session.renew(),
  regenerate: (session) => session.regenerate(),
  destroy: (session) => session.destroy(),
  unset: (_session, req) => void (req.session = null as never),
  deleted: (session, req) => {
    session.views = 9;
    delete nodeRequest(req).session;
  },
  gone: (session) => void (session.late = true),
});

/** Section 4 of the design, row by row: what a state costs the store, and what the browser is told. */
describe('commit', () => {
  let store: ObservedStore;
  let clock: TestClock;
  let server: TestApp;
  let jar: Jar;
  const start = async (options: object = {}): Promise<void> => {
    clock = new TestClock();
    store = new ObservedStore(new MemoryStore({ clock }));
    server = await startApp([controller], { store, clock, cookie: { maxAge: '1d' }, ...options });
    // The store was tried while the app started.
    store.forget();
    jar = new Jar();
  };
  const visit = async (script: string): Promise<{ calls: string[]; cookies: string[] }> => {
    store.forget();
    const response = await jar.fetch(`${server.url}/s/${script}`);
    expect(response.status).toBe(200);
    return { calls: store.names, cookies: jar.last };
  };
  const set = expect.stringMatching(/^sid=s%3A[\w-]{32}\.[^;]+; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/);

  beforeEach(() => start());
  afterEach(() => server.close());

  it('new, untouched: no call, no cookie', async () => {
    expect(await visit('look')).toEqual({ calls: [], cookies: [] });
  });

  it('no cookie on a route that asks for no session: no call, no cookie', async () => {
    expect(await (await jar.fetch(`${server.url}/r/plain`)).text()).toBe('plain');
    expect([store.names, jar.last]).toEqual([[], []]);
  });

  it('a forged cookie: no call, no cookie', async () => {
    jar.cookies.set('sid', `s%3Aabc.${'A'.repeat(43)}`);
    expect(await visit('look')).toEqual({ calls: [], cookies: [] });
  });

  it('new, changed: one create, cookie set', async () => {
    expect(await visit('count')).toEqual({ calls: ['create'], cookies: [set] });
  });

  it('loaded, unchanged, expiry not due: one load, no cookie', async () => {
    await visit('count');
    expect(await visit('look')).toEqual({ calls: ['load'], cookies: [] });
  });

  it('loaded, written to with what it held: one load, no cookie', async () => {
    await visit('count');
    expect(await visit('same')).toEqual({ calls: ['load'], cookies: [] });
  });

  it('loaded, unchanged, expiry due: load and replace, only the times moved, cookie set as it lasts and rolls', async () => {
    await visit('count');
    const [id] = store.calls.map((call) => call.id);
    const before = JSON.parse((await store.inner.load(id!))!.text) as Record<string, Record<string, unknown>>;
    clock.advance(MINUTE);
    expect(await visit('look')).toEqual({ calls: ['load', 'replace'], cookies: [set] });
    const after = JSON.parse((await store.inner.load(id!))!.text) as Record<string, Record<string, unknown>>;
    expect(after).toEqual({
      ...before,
      cookie: { ...before.cookie, expires: new Date(clock.time + DAY).toISOString() },
      __keycard: { ...before.__keycard, s: clock.time, e: clock.time + DAY, n: expect.any(String) },
    });
  });

  it("loaded, unchanged, expiry due: no cookie if it isn't rolling, and none if it ends with the browser", async () => {
    for (const options of [{ rolling: false }, { cookie: {} }]) {
      await server.close();
      await start(options);
      await visit('count');
      clock.advance(MINUTE);
      expect(await visit('look')).toEqual({ calls: ['load', 'replace'], cookies: [] });
    }
  });

  it('loaded, unchanged, expiry due, and another request moves it first: the conflict is fine, and not tried again', async () => {
    await visit('count');
    clock.advance(MINUTE);
    store.forget();
    const gate = store.hold('replace');
    const first = jar.fetch(`${server.url}/s/look`);
    await gate.reached;
    // In another process, so that no queue keeps the two apart.
    const [id] = store.calls.map((call) => call.id);
    const found = (await store.inner.load(id!))!;
    await store.inner.replace(
      id!,
      { text: found.text.replace('"views":1', '"views":9'), expiresAt: found.expiresAt! },
      found.revision,
    );
    gate.open();
    expect((await first).status).toBe(200);
    expect(store.calls.map((call) => [call.method, call.method === 'replace' ? call.result : undefined])).toEqual([
      ['load', undefined],
      ['replace', 'conflict'],
    ]);
    expect(await (await jar.fetch(`${server.url}/s/look`)).json()).toEqual({ views: 9 });
  });

  it('loaded, changed: load and replace, no cookie before the expiry moves', async () => {
    await visit('count');
    expect(await visit('count')).toEqual({ calls: ['load', 'replace'], cookies: [] });
    clock.advance(MINUTE);
    expect(await visit('count')).toEqual({ calls: ['load', 'replace'], cookies: [set] });
  });

  it('renewed: create new, retire old with a way forward, cookie set; the old id finds the session for the time of grace', async () => {
    await visit('count');
    const old = new Jar();
    old.cookies.set('sid', jar.cookies.get('sid')!);
    const renewed = await visit('renew');
    expect(renewed).toEqual({ calls: ['load', 'create', 'replace'], cookies: [set] });
    expect(jar.header).not.toBe(old.header);
    const follow = await old.fetch(`${server.url}/s/look`);
    expect(await follow.json()).toEqual({ views: 1 });
    expect(old.header).toBe(jar.header);
    const late = new Jar();
    late.cookies.set('sid', renewed.cookies[0]!.slice(4).split(';')[0]!);
    expect(await (await late.fetch(`${server.url}/s/look`)).json()).toEqual({ views: 1 });
  });

  it.each(['login', 'regenerate'])('%s: create new, retire old with no way forward, cookie set', async (script) => {
    await visit('count');
    const old = jar.header;
    const { calls, cookies } = await visit(script);
    // A login also reads the mark that ends a principal's sessions.
    expect([calls[0], calls.filter((name) => name !== 'load'), cookies]).toEqual([
      'load',
      ['create', 'replace'],
      [set],
    ]);
    const response = await fetch(`${server.url}/s/look`, { headers: { cookie: old } });
    expect([await response.json(), response.headers.getSetCookie()]).toEqual([{ views: null }, []]);
    const written = await fetch(`${server.url}/s/count`, { headers: { cookie: old } });
    expect(written.headers.getSetCookie()).toEqual([]);
  });

  it('destroyed: destroy with the revision that was read, cookie cleared with the same attributes', async () => {
    await visit('count');
    expect(await visit('destroy')).toEqual({
      calls: ['load', 'destroy'],
      cookies: ['sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax'],
    });
    expect(await store.count()).toBe(0);
  });

  it('destroyed, new and never saved: no call', async () => {
    expect((await visit('destroy')).calls).toEqual([]);
  });

  it('gone: neither set nor cleared', async () => {
    await visit('count');
    store.forget();
    const gate = store.hold('load', 'after');
    const late = jar.fetch(`${server.url}/s/gone`);
    await gate.reached;
    await store.inner.clear!();
    gate.open();
    const response = await late;
    expect([response.status, store.names, response.headers.getSetCookie()]).toEqual([200, ['load', 'replace'], []]);
    expect(store.calls.at(-1)!.result).toBe('gone');
    expect(await store.count()).toBe(0);
  });

  it('anonymous because the store failed: neither set nor cleared, nothing written', async () => {
    await server.close();
    await start({ onStoreError: 'anonymous' });
    await visit('count');
    store.failure = new Error('down');
    store.failing = ['load'];
    expect(await visit('count')).toEqual({ calls: ['load'], cookies: [] });
  });

  it('saveUninitialized: a visitor who wrote nothing is kept, once', async () => {
    await server.close();
    await start({ saveUninitialized: true });
    expect(await visit('look')).toEqual({ calls: ['create'], cookies: [set] });
    expect(await visit('look')).toEqual({ calls: ['load'], cookies: [] });
  });

  it('resave: an unchanged session is written', async () => {
    await server.close();
    await start({ resave: true });
    await visit('count');
    expect((await visit('look')).calls).toEqual(['load', 'replace']);
  });

  it('unset keep: req.session = null writes nothing and clears nothing', async () => {
    await visit('count');
    expect(await visit('unset')).toEqual({ calls: ['load'], cookies: [] });
    expect(await store.count()).toBe(1);
  });

  it.each(['unset', 'deleted'])(
    'unset destroy: req.session = null, or deleting it, ends the session and clears the cookie: %s',
    async (script) => {
      await server.close();
      await start({ unset: 'destroy' });
      await visit('count');
      expect(await visit(script)).toEqual({
        calls: ['load', 'destroy'],
        cookies: [expect.stringMatching(/^sid=; .*1970/)],
      });
      expect(await store.count()).toBe(0);
    },
  );

  it('a well-signed id that nobody has: one load', async () => {
    jar.cookies.set('sid', encodeURIComponent(signed('unknown')));
    expect(await visit('look')).toEqual({ calls: ['load'], cookies: [] });
    expect((await visit('count')).calls).toEqual(['load', 'create']);
  });
});
