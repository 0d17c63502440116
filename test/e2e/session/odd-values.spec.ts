import { afterEach, expect, it } from '@jest/globals';
import { MemoryStore, SessionRegistry } from 'nestjs-keycard';
import { describeOnBoth as describe, newAdapter } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { describeEachStore } from '../../support/five-stores.js';
import { scripted } from '../../support/scripted.js';

const scripts = scripted({
  start: (session, req) => {
    session.cookie.path = String(req.query.path);
    session.good = { a: '},"x":1' };
  },
  look: (session) => ({ ...session }),
  login: (session) => session.login('7'),
});

describe('odd values beside the data', () => {
  let server: TestApp;
  afterEach(() => server.close());

  it('cuts device.ip: X-Forwarded-For may be as long as the sender likes (#13.19)', async () => {
    server = await startApp([scripts], {}, { adapter: newAdapter(true) });
    await fetch(`${server.url}/s/login`, { headers: { 'x-forwarded-for': 'x'.repeat(12_000) } });
    const { sessions } = await server.app.get(SessionRegistry).list({ principal: '7' });
    expect(sessions.map(({ device }) => device.ip)).toEqual(['x'.repeat(64)]);
  });

  it.each(['/a},b', '/}', '/a{},"b', '/a\\', '/a\\"},"b'])(
    'keeps a session whose cookie.path is %s when it is touched (#13.19)',
    async (path) => {
      let now = 1_800_000_000_000;
      const store = new MemoryStore({ clock: { now: () => now } });
      server = await startApp([scripts], {
        store,
        clock: { now: () => now },
        idleTimeout: '1h',
        touchInterval: '1m',
        logger: { warn: () => undefined, error: () => undefined },
      });
      const jar = new Jar();
      // The jar knows no clock but the machine's.
      const visit = async (script: string) => {
        const answer = await fetch(`${server.url}/s/${script}`, { headers: { cookie: jar.header } });
        const [pair] = (answer.headers.getSetCookie()[0] ?? '').split(';');
        if (pair) jar.cookies.set('sid', pair.slice(pair.indexOf('=') + 1));
        return answer;
      };
      await visit(`start?path=${encodeURIComponent(path)}`);
      for (let n = 0; n < 3; n += 1) {
        now += 120_000;
        expect(await (await visit('look')).json()).toEqual({ good: { a: '},"x":1' } });
      }
      for await (const { text } of store.list())
        expect(JSON.parse(text)).toMatchObject({ cookie: { path }, good: { a: '},"x":1' } });
    },
  );

  it('lists a principal with half a surrogate pair in MemoryStore (#13.19)', async () => {
    server = await startApp([scripts]);
    const store = new MemoryStore();
    const principal = 'a\ud800';
    await store.create('one', { text: '{}', expiresAt: Date.now() + 60_000, principal });
    const ids = [];
    for await (const { id } of store.list({ principal })) ids.push(id);
    expect([ids, await store.count({ principal })]).toEqual([['one'], 1]);
    await store.destroy('one');
    await store.create('two', { text: '{}', expiresAt: Date.now() + 60_000 });
    expect(await store.count({ principal })).toBe(0);
  });
});

describeEachStore((each) => {
  it('tells principals apart that differ in half a surrogate pair, and ends the sessions of one (#13.19)', async () => {
    const place = await each.open();
    const principals = ['a\ud800', 'a\ud801', 'a\ufffd'];
    const logins = scripted({
      login: (session, req) => session.login(principals[Number(req.query.n)]!),
      who: (session) => ({ n: principals.indexOf(session.info.principal as string) }),
    });
    const server = await startApp([logins], { store: place.store });
    try {
      const registry = server.app.get(SessionRegistry);
      const jars = principals.map(() => new Jar());
      for (const [n, jar] of jars.entries()) await jar.fetch(`${server.url}/s/login?n=${n}`);
      for (const principal of principals) expect((await registry.list({ principal })).sessions).toHaveLength(1);
      expect(await registry.revokeAll(principals[0]!)).toBe(1);
      const left = [];
      for (const jar of jars) left.push(((await (await jar.fetch(`${server.url}/s/who`)).json()) as { n: number }).n);
      expect(left).toEqual([-1, 1, 2]);
    } finally {
      await server.close();
      await place.close();
    }
  });
});
