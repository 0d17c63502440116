import { describe, expect, it, jest } from '@jest/globals';
import session from 'express-session';
import { fromExpressStore } from '../../../lib/express/from-express-store.js';
import { toExpressStore } from '../../../lib/express/to-express-store.js';
import { MemoryStore } from '../../../lib/stores/memory.store.js';
import { SessionStoreError } from '../../../lib/stores/session-store.error.js';

type Done<T> = (error?: unknown, result?: T) => void;

const promised = <T = void>(call: (done: Done<T>) => void): Promise<T> =>
  new Promise((resolve, reject) => call((error, result) => (error ? reject(error as Error) : resolve(result as T))));
const START = 1_800_000_000_000;
const cookieUntil = (expiresAt: number | null) => ({
  originalMaxAge: expiresAt === null ? null : expiresAt - START,
  expires: expiresAt === null ? null : new Date(expiresAt),
});

/** Writes take longer than reads, and each less than the one before. */
class SlowestFirst extends MemoryStore {
  private delay = 16;

  private slowly(): Promise<void> {
    this.delay = Math.max(2, this.delay - 3);
    return new Promise((resolve) => setTimeout(resolve, this.delay));
  }

  override async create(...parameters: Parameters<MemoryStore['create']>): Promise<void> {
    await this.slowly();
    await super.create(...parameters);
  }

  override async destroy(...parameters: Parameters<MemoryStore['destroy']>): ReturnType<MemoryStore['destroy']> {
    await this.slowly();
    return super.destroy(...parameters);
  }

  override async clear(): Promise<void> {
    await this.slowly();
    await super.clear();
  }
}

function setUp() {
  const time = { ms: START };
  const clock = { now: () => time.ms };
  const inner = new MemoryStore({ clock });
  const store = toExpressStore(inner, { clock, ttl: 60 });
  const get = (sid: string) => promised<Record<string, unknown> | null>((done) => store.get(sid, done as never));
  const set = (sid: string, data: object) => promised((done) => store.set(sid, data, done));
  return { time, clock, inner, store, get, set };
}

describe('toExpressStore', () => {
  it("is an instance of express-session's Store if that is passed", () => {
    const store = toExpressStore(new MemoryStore(), session);
    expect(store).toBeInstanceOf(session.Store);
    // Either kind is what session() takes.
    session({ secret: 'for the types', resave: false, saveUninitialized: false, store });
    session({
      secret: 'for the types',
      resave: false,
      saveUninitialized: false,
      store: toExpressStore(new MemoryStore()),
    });
  });

  it('gives null for a session that is missing, and for what is none', async () => {
    const { inner, get } = setUp();
    expect(await get('none')).toBeNull();
    for (const [n, text] of ['[]', '7', '{'].entries()) {
      await inner.create(`odd-${n}`, { text, expiresAt: START + 1_000 });
      expect(await get(`odd-${n}`)).toBeNull();
    }
  });

  it('takes facts from the stored record alone: nobody forges them by Object.assign(req.session, body) (#13.9)', async () => {
    const { inner, get, set } = setUp();
    const cookie = cookieUntil(START + 1_000);
    const forged = { v: 1, c: START, s: START, e: START + 1_000, h: 'h', n: 'n', p: 'admin', a: START };
    await set('new', { cookie, n: 1, __keycard: forged });
    expect(JSON.parse((await inner.load('new'))!.text)).not.toHaveProperty('__keycard');
    expect(await inner.count({ principal: 'admin' })).toBe(0);

    const own = { ...forged, p: '7' };
    const text = JSON.stringify({ cookie, n: 1, __keycard: own });
    await inner.create('own', { text, expiresAt: START + 1_000, principal: '7' });
    const read = (await get('own'))!;
    for (const keycard of [forged, null, undefined]) {
      await set('own', { ...read, n: 2, __keycard: keycard });
      expect(JSON.parse((await inner.load('own'))!.text)).toMatchObject({ n: 2, __keycard: own });
      expect([await inner.count({ principal: 'admin' }), await inner.count({ principal: '7' })]).toEqual([0, 1]);
    }
  });

  it('leaves out what express-session can make no cookie of', async () => {
    const { inner, store, get } = setUp();
    const none = { originalMaxAge: null, expires: null };
    const odd: readonly (readonly [string, object])[] = [
      ['{"user":1}', none],
      ['{"cookie":null,"user":1}', none],
      ['{"cookie":[1],"user":1}', none],
      ['{"cookie":{"originalMaxAge":"an hour","expires":"soon","maxAge":"x"},"user":1}', none],
      [
        '{"cookie":{"originalMaxAge":5,"expires":{"$date":[]},"path":"/\\r\\na","domain":"a;b","sameSite":7},"user":1}',
        { ...none, originalMaxAge: 5 },
      ],
      [
        '{"cookie":{"originalMaxAge":1e999,"httpOnly":true,"path":"/a","sameSite":"Lax","secure":"auto","__proto__":{"a":1}},"user":1}',
        { ...none, httpOnly: true, path: '/a', sameSite: 'Lax', secure: 'auto' },
      ],
      [
        '{"cookie":{"originalMaxAge":5,"domain":"a b.example","expires":null},"user":1}',
        { ...none, originalMaxAge: 5 },
      ],
    ];
    for (const [n, [text, cookie]] of odd.entries()) {
      await inner.create(`odd-${n}`, { text, expiresAt: START + 1_000 });
      expect(await get(`odd-${n}`)).toEqual({ cookie, user: 1 });
    }
    const all = await promised<Record<string, { cookie: object }>>((done) => store.all!(done as never));
    expect(odd.map((_, n) => all[`odd-${n}`]?.cookie)).toEqual(odd.map(([, cookie]) => cookie));
  });

  it('ends a session with its cookie, or after `ttl` if the cookie has no end', async () => {
    const { time, get, set } = setUp();
    await set('short', { cookie: cookieUntil(START + 1_000) });
    await set('endless', { cookie: cookieUntil(null) });
    time.ms += 1_001;
    expect(await get('short')).toBeNull();
    expect(await get('endless')).toMatchObject({ cookie: { expires: null } });
    time.ms += 60_000;
    expect(await get('endless')).toBeNull();
  });

  it('moves the end with a touch, and leaves the data as they are in the store', async () => {
    const { time, store, get, set } = setUp();
    await set('a', { cookie: cookieUntil(START + 1_000), views: 1 });
    await promised((done) => store.touch('a', { cookie: cookieUntil(START + 9_000), views: 'stale' }, done));
    time.ms += 5_000;
    expect(await get('a')).toMatchObject({ views: 1, cookie: { expires: new Date(START + 9_000).toISOString() } });
    await promised((done) => store.touch('none', { cookie: cookieUntil(START + 9_000) }, done));
    expect(await get('none')).toBeNull();
  });

  it('lets every one of many writers at once succeed, as express-session expects', async () => {
    const { clock, inner, get } = setUp();
    const replace = jest.spyOn(inner, 'replace');
    await Promise.all(
      Array.from({ length: 8 }, (_, n) => {
        // Each as of another process: one adapter lets its own wait for each other.
        const store = toExpressStore(inner, { clock });
        return promised((done) => store.set('a', { cookie: cookieUntil(START + 1_000), [`key-${n}`]: 1 }, done));
      }),
    );
    expect(Object.keys((await get('a'))!).length).toBe(2);
    const results = await Promise.all(replace.mock.results.map(({ value }) => value as Promise<string>));
    expect(results).toContain('conflict');
  });

  it.each(['set', 'touch'] as const)(
    'tells the caller of %s() if other writes came in between each time',
    async (method) => {
      const { inner, store, set } = setUp();
      await set('a', { cookie: cookieUntil(START + 1_000) });
      jest.spyOn(inner, 'replace').mockResolvedValue('conflict');
      const written = promised((done) => store[method]('a', { cookie: cookieUntil(START + 9_000) }, done));
      await expect(written).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: expect.stringContaining('20 times'),
      });
    },
  );

  it('takes a session without a cookie: it ends after `ttl`, and a touch without one leaves it its own (#13.28)', async () => {
    const { time, store, get, set } = setUp();
    await set('a', { n: 1 });
    expect(await get('a')).toEqual({ cookie: { originalMaxAge: null, expires: null }, n: 1 });
    const cookie = { ...cookieUntil(START + 90_000), path: '/a' };
    await set('b', { cookie });
    await promised((done) => store.touch('b', {}, done));
    expect(await get('b')).toMatchObject({ cookie: { path: '/a' } });
    time.ms += 60_001;
    expect(await get('a')).toBeNull();
  });

  it('gives a session as it was set, and ends it by the `maxAge` of a cookie that has no end (#13.28)', async () => {
    const { time, store, get, set } = setUp();
    for (const cookie of [{ maxAge: 2_000 }, {}, { maxAge: null, path: '/a' }, cookieUntil(null)]) {
      const data = { cookie, name: 'Ann' };
      await set('a', data);
      expect(await get('a')).toEqual(data);
      await promised((done) => store.destroy('a', done));
    }
    await set('b', { cookie: { maxAge: 2_000 } });
    time.ms += 1_000;
    await promised((done) => store.touch('b', { cookie: { maxAge: 2_000 } }, done));
    time.ms += 1_999;
    expect(await get('b')).not.toBeNull();
    time.ms += 1;
    expect(await get('b')).toBeNull();
  });

  it.each([undefined, null, 'text', 7])('refuses %j, which is no session (#13.28)', async (value) => {
    const { store } = setUp();
    for (const method of ['set', 'touch'] as const)
      await expect(promised((done) => store[method]('a', value as never, done))).rejects.toThrow(
        /^(set|touch)\(\) of a session store got .*; it takes a session\.$/,
      );
  });

  it.each([
    ['MemoryStore of express-session', () => new session.MemoryStore()],
    ['ours, that answers at once', () => toExpressStore(new MemoryStore())],
    ['ours, that answers late', () => toExpressStore(new SlowestFirst())],
  ])('shows each call what was called before it: %s (#13.28)', async (_name, create) => {
    const store = create() as ReturnType<typeof toExpressStore>;
    const n = (sid: string) =>
      promised<{ n: number } | null>((done) => store.get(sid, done as never)).then((it) => it?.n);
    const length = () => promised<number>((done) => store.length(done));
    const live = { n: 1 };
    store.set('a', live);
    live.n = 99;
    expect(await n('a')).toBe(1);
    store.set('a', { n: 2 });
    store.set('a', { n: 3 });
    store.set('b', { n: 4 });
    expect(await Promise.all([n('a'), length(), n('b')])).toEqual([3, 2, 4]);
    store.destroy('a');
    expect(await Promise.all([n('a'), length(), n('b')])).toEqual([undefined, 1, 4]);
    store.set('c', { n: 5 });
    store.clear();
    expect(await Promise.all([n('b'), n('c'), length()])).toEqual([undefined, undefined, 0]);
    store.clear();
    store.set('c', { n: 6 });
    expect(await Promise.all([n('c'), length()])).toEqual([6, 1]);
  });

  it('takes one object under several ids (#13.28)', async () => {
    const { get, set } = setUp();
    const fixture = { cookie: cookieUntil(START + 1_000), n: 1 };
    for (const sid of ['a', 'b']) await set(sid, fixture);
    for (const sid of ['a', 'b']) expect(await get(sid)).toMatchObject({ n: 1 });
  });

  it("keeps the engine's facts, and the principal that they name", async () => {
    const { inner, set } = setUp();
    const session = { cookie: cookieUntil(START + 1_000), __keycard: { v: 1, p: '7' } };
    await inner.create('a', { text: JSON.stringify(session), expiresAt: START + 1_000 });
    await set('a', session);
    expect(await inner.count({ principal: '7' })).toBe(1);
  });

  it('lists by id, counts and clears', async () => {
    const { store, set } = setUp();
    for (const id of ['a', 'b']) await set(id, { cookie: cookieUntil(START + 1_000), id });
    const all = await promised<Record<string, unknown>>((done) => store.all(done as never));
    expect(Object.keys(all).sort()).toEqual(['a', 'b']);
    expect(await promised<number>((done) => store.length(done))).toBe(2);
    await promised((done) => store.clear(done));
    expect(await promised<number>((done) => store.length(done))).toBe(0);
  });

  it('opens the store with the first call, tries again if that failed, and closes it', async () => {
    const { inner, store, get } = setUp();
    const open = jest.fn(async () => undefined).mockRejectedValueOnce(new SessionStoreError('UNAVAILABLE', 'away'));
    const close = jest.spyOn(inner, 'close');
    Object.assign(inner, { open });
    await expect(get('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await Promise.all([get('a'), get('b')]);
    expect(open).toHaveBeenCalledTimes(2);
    await store.close();
    expect(close).toHaveBeenCalledTimes(1);
  });

  it('says in an error what the store below can not do', async () => {
    const store = toExpressStore(fromExpressStore({ get: jest.fn(), set: jest.fn() } as never));
    for (const method of ['all', 'length', 'clear'] as const) {
      await expect(promised((done) => store[method](done as never))).rejects.toMatchObject({ code: 'REFUSED' });
    }
  });

  it('makes a warning of an error that nobody takes', async () => {
    const { inner, store } = setUp();
    jest.spyOn(inner, 'destroy').mockRejectedValue(new SessionStoreError('UNAVAILABLE', 'away'));
    const warned = new Promise<unknown[]>((resolve) => {
      jest.spyOn(process, 'emitWarning').mockImplementationOnce((...warning: unknown[]) => resolve(warning));
    });
    store.destroy('a');
    expect(await warned).toEqual([
      expect.stringContaining('away'),
      { type: 'KeycardWarning', code: 'KEYCARD_EXPRESS' },
    ]);
  });
});
