import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { dataOf, MemoryStore, SessionRegistry } from 'nestjs-keycard';
import { adapterName, describeOnBoth as describe } from '../../support/adapters.js';
import { Jar, SECRET, startApp, type TestApp } from '../../support/app.js';
import { Gate } from '../../support/gate.js';
import { ObservedStore } from '../../support/observed-store.js';
import { scripted } from '../../support/scripted.js';
import { CookieSigner } from '../../../lib/cookie/cookie-signer.js';

const NAMES = [
  'id',
  'cookie',
  'info',
  'signal',
  'save',
  'reload',
  'regenerate',
  'renew',
  'destroy',
  'touch',
  'resetMaxAge',
  'login',
  'logout',
  'confirmLogin',
  'update',
  'discard',
];
let gate: Gate;
let warnings: string[];

const controller = scripted({
  assign: (session, req) => {
    try {
      Object.assign(session, req.body);
      return { assigned: true };
    } catch (error) {
      return {
        name: (error as Error).name,
        code: (error as { code?: string }).code,
        message: (error as Error).message,
      };
    }
  },
  define: (session, req) => {
    for (const [key, value] of Object.entries(req.body as object))
      Object.defineProperty(session, key, { value, enumerable: true, configurable: true, writable: true });
  },
  look: (session) => ({
    keys: Object.keys(session),
    principal: session.info.principal ?? null,
    isAdmin: (session as { isAdmin?: unknown }).isAdmin ?? null,
    isSession: typeof session.save,
  }),
  data: (session) => ({ ...dataOf(session) }),
  count: (session) => void (session.views = ((session.views as number | undefined) ?? 0) + 1),
  renew: (session) => session.renew(),
  signIn: (session) => session.login('7', { user: { name: 'Ann' } }),
  bump: (session) => session.update((draft) => void (draft.update = ((draft.update as number | undefined) ?? 0) + 1)),
  setHidden: (session) => {
    const data = dataOf(session);
    data.login = 'changed';
    delete data.info;
    data.plain = 1;
    return { has: 'login' in data, keys: Object.keys(data).sort(), gone: 'info' in data };
  },
  slow: async (session) => {
    session.slow = true;
    await gate.pass();
  },
});

/** Fastify lets no such body in. */
const refusesProto = (body?: string): boolean => adapterName() === 'Fastify' && body?.includes('{"__proto__"') === true;

describe('names that the session keeps for itself', () => {
  let store: ObservedStore;
  let server: TestApp;
  let jar: Jar;
  const visit = async (script: string, body?: string): Promise<Record<string, unknown>> => {
    const init = body === undefined ? {} : { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    const answer = await jar.fetch(`${server.url}/s/${script}`, init);
    if (refusesProto(body)) {
      expect(answer.status).toBe(400);
      return undefined as never;
    }
    expect([script, answer.status < 300]).toEqual([script, true]);
    const text = await answer.text();
    return text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {};
  };

  beforeEach(async () => {
    gate = new Gate();
    warnings = [];
    store = new ObservedStore(new MemoryStore());
    server = await startApp([controller], {
      store,
      logger: { warn: (message) => void warnings.push(message), error: () => undefined },
    });
    jar = new Jar();
  });
  afterEach(() => server.close());

  it.each([...NAMES, '__keycard', '__proto__'])(
    'Object.assign(session, body) with %s throws a ReservedKeyError at once, and forges nothing',
    async (name) => {
      const value =
        name === '__keycard' ? { v: 1, c: 0, s: 0, e: 9e15, h: 'h', n: 'n', p: 'admin', a: 1 } : { isAdmin: true };
      const answer = await visit('assign', `{${JSON.stringify(name)}:${JSON.stringify(value)}}`);
      if (answer === undefined) return;
      expect(answer).toEqual({
        name: 'ReservedKeyError',
        code: 'RESERVED_KEY',
        message: expect.stringMatching(new RegExp(`^"${name}" is a name that the session keeps for itself`)),
      });
      expect(await visit('look')).toMatchObject({ principal: null, isAdmin: null, isSession: 'function' });
    },
  );

  it.each(['constructor', 'toString', 'hasOwnProperty', 'then', 'valueOf', 'toJSON', 'prototype'])(
    'a body with the key %s does no harm',
    async (name) => {
      await visit('assign', JSON.stringify({ [name]: { isAdmin: true }, plain: 1 }));
      expect(await visit('look')).toMatchObject({ principal: null, isAdmin: null, isSession: 'function' });
      expect(Object.keys(await visit('data'))).toEqual([name, 'plain']);
    },
  );

  it('a property that was defined past the setters is no data, and forges nothing', async () => {
    await visit('count');
    const proto = adapterName() === 'Fastify' ? '' : '"__proto__":{"isAdmin":true},';
    await visit('define', `{"__keycard":{"v":1,"p":"admin"},"login":1,${proto}"plain":2}`);
    expect(await visit('look')).toEqual({
      keys: ['views', 'plain'],
      principal: null,
      isAdmin: null,
      isSession: 'function',
    });
    const { text } = (await store.inner.load(store.calls.at(-1)!.id))!;
    expect([text.match(/__keycard/g)!.length, text.includes('admin')]).toEqual([1, false]);
  });

  it('a value that holds __keycard deeper down is data and no more', async () => {
    await visit(
      'assign',
      '{"profile":{"__keycard":{"v":1,"c":0,"s":0,"e":9000000000000000,"h":"h","n":"n","p":"admin"}},"text":",\\"__keycard\\":{\\"p\\":\\"admin\\"}}"}',
    );
    expect(await visit('look')).toMatchObject({ keys: ['profile', 'text'], principal: null });
    expect((await server.app.get(SessionRegistry).list({ principal: 'admin' })).sessions).toEqual([]);
  });

  describe('in the data of an app that came from express-session', () => {
    const old = { login: { step: 2 }, update: 5, info: ['a'], save: true, views: 1 };
    const id = 'from-express-session';
    beforeEach(async () => {
      const expires = Date.now() + 3_600_000;
      await store.create(id, {
        text: JSON.stringify({
          cookie: { originalMaxAge: 3_600_000, expires: new Date(expires).toISOString(), httpOnly: true, path: '/' },
          ...old,
        }),
        expiresAt: expires,
      });
      jar.cookies.set('sid', encodeURIComponent(new CookieSigner([SECRET]).sign(id)));
    });

    it('are kept through reading, changes, update(), renewal and login, and reached by dataOf()', async () => {
      expect(await visit('data')).toEqual(old);
      await visit('count');
      expect(await visit('data')).toEqual({ ...old, views: 2 });
      await visit('renew');
      expect(await visit('data')).toEqual({ ...old, views: 2 });
      await visit('bump');
      expect(await visit('data')).toEqual({ ...old, update: 6, views: 2 });
      await visit('signIn');
      expect(await visit('data')).toEqual({ ...old, update: 6, views: 2, user: { name: 'Ann' } });
      expect(await visit('look')).toMatchObject({ isSession: 'function', principal: '7' });
    });

    it('are kept through a merge of changes made at the same time', async () => {
      const slow = visit('slow');
      await gate.reached;
      await visit('count');
      gate.open();
      await slow;
      expect(store.calls.filter((call) => call.method === 'replace').map((call) => call.result)).toContain('conflict');
      expect(await visit('data')).toEqual({ ...old, views: 2, slow: true });
    });

    it('are logged once each, by name and without their values', async () => {
      await visit('data');
      await visit('data');
      const said = warnings.filter((message) => message.includes('dataOf'));
      expect(said.map((message) => /"(\w+)"/.exec(message)![1]).sort()).toEqual(['info', 'login', 'save', 'update']);
      expect(said.join()).not.toContain('step');
    });

    it('are changed and deleted by dataOf()', async () => {
      expect(await visit('setHidden')).toEqual({
        has: true,
        keys: ['login', 'plain', 'save', 'update', 'views'],
        gone: false,
      });
      expect(await visit('data')).toEqual({ login: 'changed', update: 5, save: true, views: 1, plain: 1 });
    });
  });

  it('dataOf() refuses the reserved key and __proto__, and what is no session', async () => {
    const core = server.app.get(SessionRegistry);
    await visit('count');
    const session = (await core.open(store.calls.at(-1)!.id))!;
    for (const key of ['__keycard', '__proto__', 'cookie'])
      expect(() => void (dataOf(session)[key] = { isAdmin: true })).toThrow(/keeps for itself/);
    expect(() => dataOf({})).toThrow(/takes a session/);
  });
});
