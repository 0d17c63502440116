import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { MemoryStore, SessionRegistry } from 'nestjs-keycard';
import { Gate } from '../../support/gate.js';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { ObservedStore } from '../../support/observed-store.js';
import { type AnySession, scripted } from '../../support/scripted.js';

let gate: Gate;
let kept: AnySession | undefined;
let warnings: string[];

const count = (draft: { visits?: number }) => void (draft.visits = (draft.visits ?? 0) + 1);

const controller = scripted({
  count: (session) => session.update(count),
  loginAndCount: async (session) => {
    await session.login('7', { user: { name: 'Ann' } });
    await session.update(count);
  },
  confirmAndCount: async (session) => {
    await session.confirmLogin();
    await session.update(count);
  },
  renewAndCount: async (session) => {
    await session.renew();
    await session.update(count);
  },
  regenerateAndCount: async (session) => {
    const next = await session.regenerate();
    await next.update(count);
  },
  browse: (session) => void (session.cart = ['book']),
  look: (session) => ({
    user: session.user ?? null,
    cart: session.cart ?? null,
    visits: session.visits ?? null,
    principal: session.info.principal ?? null,
    handle: session.info.handle,
  }),
  login: (session) => session.login('7', { user: { name: 'Ann' } }),
  confirm: (session) => session.confirmLogin(),
  renew: (session) => session.renew(),
  logout: (session) => session.logout(),
  regenerate: async (session, req) => {
    const next = await session.regenerate();
    next.fresh = true;
    kept = session;
    return { same: req.session === next, data: Object.keys(next) };
  },
  regenerateAndWriteToTheOld: async (session) => {
    await session.regenerate();
    session.lost = 'this';
  },
  slow: async (session) => {
    session.late = true;
    await gate.pass();
  },
  slowRead: async (session) => {
    void session.cart;
    await gate.pass();
  },
  twice: async (session) => {
    await session.login('7', { user: { name: 'Ann' } });
    await session.save();
    await session.login('8', { user: { name: 'Bob' } });
  },
});

describe('login', () => {
  let store: ObservedStore;
  let server: TestApp;
  let jar: Jar;
  const visit = (script: string, on = jar) => on.fetch(`${server.url}/s/${script}`);
  const jarWith = (header: string): Jar => {
    const other = new Jar();
    other.cookies.set('sid', header.slice(4));
    return other;
  };

  beforeEach(async () => {
    gate = new Gate();
    warnings = [];
    store = new ObservedStore(new MemoryStore());
    const logger = { warn: (message: string) => void warnings.push(message), error: () => undefined };
    server = await startApp([controller], { store, logger });
    jar = new Jar();
  });
  afterEach(() => server.close());

  it("makes a cookie that an attacker fixed before it invalid, and keeps the visitor's data", async () => {
    const attacker = new Jar();
    await visit('browse', attacker);
    const fixed = attacker.header;
    const victim = jarWith(fixed);
    await visit('login', victim);
    expect(victim.header).not.toBe(fixed);
    expect(await (await visit('look', victim)).json()).toMatchObject({
      user: { name: 'Ann' },
      cart: ['book'],
      principal: '7',
    });
    expect(await (await visit('look', attacker)).json()).toMatchObject({ user: null, cart: null, principal: null });
    // Not by writing either: nothing of the attacker's reaches the new session.
    await visit('browse', jarWith(fixed));
    expect(await (await visit('look', jarWith(fixed))).json()).toMatchObject({ user: null, cart: null });
  });

  it('ignores an id that the attacker made up', async () => {
    const victim = jarWith('sid=made-up');
    await visit('login', victim);
    expect(victim.header).toMatch(/^sid=s%3A[\w-]{32}\./);
  });

  it('gives every login another id, also of somebody who is logged in', async () => {
    await visit('login');
    const first = jar.header;
    await visit('login');
    expect(jar.header).not.toBe(first);
    expect(await (await visit('look', jarWith(first))).json()).toMatchObject({ user: null });
    await visit('twice');
    expect(await (await visit('look')).json()).toMatchObject({ principal: '8', user: { name: 'Bob' } });
  });

  it('answers a request with the cookie from before it, after it, without taking the new cookie away', async () => {
    for (const script of ['slow', 'slowRead']) {
      gate = new Gate();
      jar = new Jar();
      await visit('browse');
      const late = visit(script, jarWith(jar.header));
      await gate.reached;
      await visit('login');
      const card = jar.header;
      gate.open();
      const answer = await late;
      jar.take(answer);
      expect([answer.status, answer.headers.getSetCookie(), jar.header]).toEqual([200, [], card]);
      expect(await (await visit('look')).json()).toMatchObject({ user: { name: 'Ann' } });
      expect(await (await visit('look')).json()).not.toHaveProperty('late');
    }
  });

  it('answers a request that begins with the old cookie after it, without taking the new cookie away', async () => {
    await visit('browse');
    const old = jar.header;
    await visit('login');
    for (const script of ['look', 'browse']) {
      const answer = await visit(script, jarWith(old));
      expect([answer.status, answer.headers.getSetCookie()]).toEqual([200, []]);
    }
  });

  describe('update() after what gives the session a new id', () => {
    const look = async (on: Jar) => (await visit('look', on)).json() as Promise<object>;
    // In one process the two would take turns.
    let elsewhere: TestApp;
    beforeEach(async () => {
      elsewhere = await startApp([controller], { store: store.inner });
    });
    afterEach(() => elsewhere.close());

    it.each(['loginAndCount', 'confirmAndCount', 'regenerateAndCount'])(
      '%s: the cookie from before it is invalid',
      async (script) => {
        await visit('browse');
        if (script !== 'loginAndCount') await visit('login');
        const old = jar.header;
        expect((await visit(script)).status).toBe(200);
        expect(jar.header).not.toBe(old);
        expect(await look(jarWith(old))).toMatchObject({ user: null, cart: null, visits: null, principal: null });
        const fresh = script === 'regenerateAndCount';
        expect(await look(jar)).toMatchObject(
          fresh ? { user: null, cart: null, visits: 1 } : { principal: '7', cart: ['book'], visits: 1 },
        );
      },
    );

    it('renewAndCount: a new id, and the old one leads there', async () => {
      await visit('login');
      const old = jar.header;
      await visit('renewAndCount');
      expect(jar.header).not.toBe(old);
      for (const header of [jar.header, old])
        expect(await look(jarWith(header))).toMatchObject({ principal: '7', visits: 1 });
    });

    it.each(['loginAndCount', 'confirmAndCount', 'renewAndCount'])(
      '%s: counts once, and loses nothing that others counted meanwhile',
      async (script) => {
        await visit('count');
        if (script !== 'loginAndCount') await visit('login');
        const old = jar.header;
        const held = store.hold('replace');
        const running = visit(script);
        await held.reached;
        await jarWith(old).fetch(`${elsewhere.url}/s/count`);
        held.open();
        expect((await running).status).toBe(200);
        expect(jar.header).not.toBe(old);
        expect(await look(jar)).toMatchObject({ principal: '7', visits: 3 });
      },
    );

    it('of a visitor who has no session yet', async () => {
      await visit('loginAndCount');
      expect(await look(jar)).toMatchObject({ principal: '7', visits: 1 });
    });

    it('of one whose session is ended meanwhile: he is logged in with what he brings, and nothing comes back', async () => {
      await visit('browse');
      await visit('count');
      const held = store.hold('replace');
      const running = visit('loginAndCount');
      await held.reached;
      await jarWith(jar.header).fetch(`${elsewhere.url}/s/logout`);
      held.open();
      expect((await running).status).toBe(200);
      expect(await look(jar)).toMatchObject({ principal: '7', cart: null, visits: 1 });
    });
  });

  it('that fails in the store is a 503, and nobody is logged in', async () => {
    await visit('browse');
    store.failure = new Error('down');
    store.failing = ['create'];
    const answer = await visit('login');
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([503, []]);
    store.failure = undefined;
    expect(await (await visit('look')).json()).toMatchObject({ user: null, cart: ['book'] });
    expect(await store.count()).toBe(1);
  });

  it('keeps the handle through login and confirmLogin', async () => {
    await visit('browse');
    const { handle } = (await (await visit('look')).json()) as { handle: string };
    await visit('login');
    const after = (await (await visit('look')).json()) as { handle: string };
    await visit('confirm');
    const confirmed = (await (await visit('look')).json()) as { handle: string };
    expect([after.handle, confirmed.handle]).toEqual([handle, handle]);
    expect(
      (await server.app.get(SessionRegistry).list({ principal: '7' })).sessions.map((each) => each.handle),
    ).toEqual([handle]);
  });

  it('with the cookie of before a renewal ends the session by logout, wherever it has gone on to', async () => {
    await visit('login');
    const before = jar.header;
    await visit('renew');
    expect(jar.header).not.toBe(before);
    await visit('logout', jarWith(before));
    expect(await (await visit('look')).json()).toMatchObject({ user: null });
  });
});

describe('regenerate', () => {
  let server: TestApp;
  let jar: Jar;
  beforeEach(async () => {
    warnings = [];
    const logger = { warn: (message: string) => void warnings.push(message), error: () => undefined };
    server = await startApp([controller], { logger });
    jar = new Jar();
  });
  afterEach(() => server.close());
  const visit = (script: string) => jar.fetch(`${server.url}/s/${script}`);

  it("puts a session without data in req.session's place, and the old cookie is invalid", async () => {
    await visit('login');
    const old = jar.header;
    expect(await (await visit('regenerate')).json()).toEqual({ same: true, data: ['fresh'] });
    expect(jar.header).not.toBe(old);
    expect(await (await visit('look')).json()).toMatchObject({ user: null, principal: null });
    const stale = await fetch(`${server.url}/s/look`, { headers: { cookie: old } });
    expect(await stale.json()).toMatchObject({ user: null });
  });

  it('detaches the old session: its methods say so, and what is written to it is reported', async () => {
    await visit('regenerate');
    await expect(kept!.save()).rejects.toThrow(/replaced by regenerate\(\)/);
    expect(warnings).toEqual([]);
    await visit('regenerateAndWriteToTheOld');
    expect(warnings).toEqual([expect.stringContaining('changed after regenerate()')]);
  });
});
