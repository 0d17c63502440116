import { EventEmitter } from 'node:events';
import { describe, expect, it, jest } from '@jest/globals';
import { fromExpressStore } from '../../../lib/express/from-express-store.js';
import type { StoreCallback } from '../../../lib/express/express-store-like.js';

const END = Date.now() + 3_600_000;
const record = (views = 1, principal?: string) => ({
  text: JSON.stringify({
    cookie: { originalMaxAge: null, expires: null, path: '/' },
    views,
    __keycard: { v: 1, p: principal },
  }),
  expiresAt: END,
  principal,
});
const enoent = () => Object.assign(new Error('no such file'), { code: 'ENOENT' });

/** A store of the plainest kind: texts by id, and an answer in whichever way. */
class Texts {
  readonly texts = new Map<string, string>();
  protected answer(callback: StoreCallback, result?: unknown): unknown {
    callback(null, result);
    return undefined;
  }
  get(sid: string, callback: StoreCallback): unknown {
    const text = this.texts.get(sid);
    return this.answer(callback, text === undefined ? null : JSON.parse(text));
  }
  set(sid: string, session: object, callback: StoreCallback): unknown {
    this.texts.set(sid, JSON.stringify(session));
    return this.answer(callback);
  }
  destroy(sid: string, callback: StoreCallback): unknown {
    this.texts.delete(sid);
    return this.answer(callback);
  }
}

class Later extends Texts {
  protected override answer(callback: StoreCallback, result?: unknown): unknown {
    setTimeout(callback, 2, null, result);
    return undefined;
  }
}
class Twice extends Texts {
  protected override answer(callback: StoreCallback, result?: unknown): unknown {
    callback(null, result);
    setImmediate(callback, new Error('the second answer'));
    return undefined;
  }
}
/** Takes callbacks and gives a promise of nothing besides, which is there first. */
class Both extends Texts {
  protected override answer(callback: StoreCallback, result?: unknown): unknown {
    setTimeout(callback, 2, null, result);
    return Promise.resolve();
  }
}
class Promises {
  readonly texts = new Map<string, string>();
  async get(sid: string): Promise<unknown> {
    return JSON.parse(this.texts.get(sid) ?? 'null');
  }
  async set(sid: string, session: object): Promise<void> {
    this.texts.set(sid, JSON.stringify(session));
  }
  async destroy(sid: string): Promise<void> {
    this.texts.delete(sid);
  }
}
class Enoent extends Texts {
  override get(sid: string, callback: StoreCallback): unknown {
    if (this.texts.has(sid)) return super.get(sid, callback);
    callback(enoent());
    return undefined;
  }
}
class GivesText extends Texts {
  override get(sid: string, callback: StoreCallback): unknown {
    callback(null, this.texts.get(sid));
    return undefined;
  }
}
class NoDestroy {
  private readonly inner = new Texts();
  get(sid: string, callback: StoreCallback): unknown {
    return this.inner.get(sid, callback);
  }
  set(sid: string, session: object, callback: StoreCallback): unknown {
    return this.inner.set(sid, session, callback);
  }
}

describe('fromExpressStore', () => {
  for (const Store of [Texts, Later, Twice, Both, Promises, Enoent, GivesText, NoDestroy]) {
    it(`creates, loads, replaces and destroys on a store of the kind ${Store.name}`, async () => {
      const store = fromExpressStore(new Store());
      expect(await store.load('a')).toBeUndefined();
      await store.create('a', record(1));
      await expect(store.create('a', record(2))).rejects.toMatchObject({ code: 'ID_TAKEN' });
      const first = (await store.load('a'))!;
      expect(first.text).toBe(record(1).text);
      expect(await store.replace('a', record(2), first.revision)).toBe('ok');
      expect(await store.replace('a', record(3), first.revision)).toBe('conflict');
      expect(await store.destroy('a', first.revision)).toBe('conflict');
      expect(await store.destroy('a')).toBe('ok');
      expect(await store.load('a')).toBeUndefined();
      expect(await store.destroy('a')).toBe('gone');
      expect(await store.replace('a', record(4), first.revision)).toBe('gone');
      await store.create('a', record(5));
      expect((await store.load('a'))?.text).toBe(record(5).text);
    });
  }

  it('loses no change within this process, also through two adapters of one store', async () => {
    const peer = new Later();
    const stores = [fromExpressStore(peer), fromExpressStore(peer)];
    await stores[0]!.create('a', record(0));
    let conflicts = 0;
    const increment = async (store: (typeof stores)[number]): Promise<void> => {
      for (;;) {
        const { text, revision } = (await store.load('a'))!;
        const views = (JSON.parse(text) as { views: number }).views + 1;
        if ((await store.replace('a', record(views), revision)) === 'ok') return;
        conflicts += 1;
      }
    };
    await Promise.all(Array.from({ length: 10 }, (_, n) => increment(stores[n % 2]!)));
    expect(JSON.parse((await stores[0]!.load('a'))!.text)).toMatchObject({ views: 10 });
    expect(conflicts).toBeGreaterThan(0);
  });

  it('hands over a cookie that tells when the record ends, and is stored as the record has it', async () => {
    const set = jest.fn((_sid: string, _session: unknown, callback: StoreCallback) => callback());
    const store = fromExpressStore({ get: (_sid: string, callback: StoreCallback) => callback(), set });
    await store.create('a', record());
    const { cookie } = set.mock.calls[0]![1] as {
      cookie: { expires: Date; maxAge: number; originalMaxAge: number; path: string };
    };
    expect(cookie.expires).toEqual(new Date(END));
    expect(cookie.maxAge).toBeGreaterThan(3_500_000);
    expect(cookie.originalMaxAge).toBeNull();
    expect(cookie.path).toBe('/');
    expect(JSON.stringify(cookie)).toBe('{"originalMaxAge":null,"expires":null,"path":"/"}');
  });

  it('calls the methods that the store has now, so that a later patch counts', async () => {
    const peer = new Texts();
    const store = fromExpressStore(peer);
    const get = jest.spyOn(peer, 'get');
    await store.load('a');
    expect(get).toHaveBeenCalledTimes(1);
    peer.get = function patched(this: Texts, ...call: Parameters<Texts['get']>) {
      return Texts.prototype.get.apply(this, call);
    };
    await store.create('a', record());
    expect((await store.load('a'))?.text).toBe(record().text);
  });

  it('gives up on a store that never answers, and is not stuck behind that call', async () => {
    let silent = true;
    const peer = new Texts();
    const get = peer.get.bind(peer);
    peer.get = (sid, callback) => (silent ? undefined : get(sid, callback));
    const store = fromExpressStore(peer, { timeout: 20 });
    await expect(store.create('a', record())).rejects.toMatchObject({ name: 'SessionStoreError', code: 'TIMEOUT' });
    silent = false;
    await store.create('a', record());
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['calls back with an error', (_sid: string, callback: StoreCallback) => callback(new Error('broken'))],
    [
      'rejects',
      async () => {
        throw new Error('broken');
      },
    ],
  ])('wraps the error of a store that %s', async (_, get) => {
    const store = fromExpressStore({ get, set: get } as never);
    await expect(store.load('a')).rejects.toMatchObject({
      name: 'SessionStoreError',
      code: 'UNAVAILABLE',
      cause: expect.objectContaining({ message: 'broken' }),
    });
  });

  it('treats ENOENT as an error if it comes from a write', async () => {
    const peer = new Texts();
    peer.set = (_sid, _session, callback) => callback(enoent());
    await expect(fromExpressStore(peer).create('a', record())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('fails at once while the store says that it is disconnected', async () => {
    const peer = Object.assign(new EventEmitter(), {
      get: jest.fn((_sid: string, callback: StoreCallback) => callback()),
      set: jest.fn(),
    });
    const store = fromExpressStore(peer);
    peer.emit('disconnect');
    await expect(store.load('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(peer.get).not.toHaveBeenCalled();
    peer.emit('connect');
    expect(await store.load('a')).toBeUndefined();
    await store.close();
    expect(peer.listenerCount('disconnect') + peer.listenerCount('connect')).toBe(0);
    await expect(store.load('a')).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('offers what the store can do and no more, and says what is missing', () => {
    const plain = fromExpressStore(new Texts());
    expect([plain.list, plain.count, plain.clear]).toEqual([undefined, undefined, undefined]);
    expect(plain.compareAndSwap).toBe(false);
    expect(plain.describeLimits()).toMatch(/Texts .*can't compare and swap.*no all\(\).*no clear\(\)/);
    expect(fromExpressStore(new NoDestroy()).describeLimits()).toContain('no destroy()');
    const rich = fromExpressStore(Object.assign(new Texts(), { all: jest.fn(), length: jest.fn(), clear: jest.fn() }));
    expect([typeof rich.list, typeof rich.count, typeof rich.clear]).toEqual(['function', 'function', 'function']);
    expect(rich.describeLimits()).toContain('reading all sessions');
    expect(rich.describeLimits()).not.toContain('has no');
  });

  it.each([
    ['an object by id', (sessions: Record<string, object>) => sessions],
    [
      'an array with ids',
      (sessions: Record<string, object>) => Object.entries(sessions).map(([id, s]) => ({ ...s, id })),
    ],
  ])('lists and counts by principal where all() gives %s', async (_, shape) => {
    const peer = Object.assign(new Texts(), {
      all(callback: StoreCallback) {
        callback(
          null,
          shape(Object.fromEntries([...peer.texts].map(([id, text]) => [id, JSON.parse(text) as object]))),
        );
      },
    });
    const store = fromExpressStore(peer);
    await store.create('b', record(1, '7'));
    await store.create('a', record(1, '7'));
    await store.create('c', record(1, '8'));
    const found: string[] = [];
    for await (const { id, text, revision } of store.list!({ principal: '7' })) {
      expect(text).toBe(record(1, '7').text);
      expect(await store.replace(id, record(2, '7'), revision)).toBe('ok');
      found.push(id);
    }
    expect(found.sort()).toEqual(['a', 'b']);
    expect(await store.count!()).toBe(3);
    expect(await store.count!({ principal: '8' })).toBe(1);
  });

  it('throws if all() returns no ids, instead of listing nothing', async () => {
    const peer = Object.assign(new Texts(), { all: (callback: StoreCallback) => callback(null, [{ cookie: {} }]) });
    const list = fromExpressStore(peer).list!()[Symbol.asyncIterator]();
    await expect(list.next()).rejects.toMatchObject({ code: 'REFUSED', message: expect.stringContaining('no ids') });
  });

  it.each([[7], [true], [[]], ['']])('takes %j from a store for no session', async (value) => {
    const store = fromExpressStore({
      get: (_sid: string, callback: StoreCallback) => callback(null, value),
      set: jest.fn(),
    });
    expect(await store.load('a')).toBeUndefined();
  });

  it('wraps what can not be written as JSON', async () => {
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    const store = fromExpressStore({
      get: (_sid: string, callback: StoreCallback) => callback(null, loop),
      set: jest.fn(),
    });
    await expect(store.load('a')).rejects.toMatchObject({ name: 'SessionStoreError' });
  });

  it('refuses what is no store, in a sentence', () => {
    for (const value of [undefined, null, 7, {}, { get: jest.fn() }]) {
      expect(() => fromExpressStore(value as never)).toThrow(/takes an express-session store/);
    }
  });
});
