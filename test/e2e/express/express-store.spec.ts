import { EventEmitter } from 'node:events';
import { inherits } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { both, type Handler, idIn, type LiveSession, type LiveStore, serve } from '../../support/express-app.js';

type StoredCallback = (error?: unknown, session?: unknown) => void;
interface AnyStore extends LiveStore, EventEmitter {
  sessions: Record<string, string>;
  calls: string[];
  set(sid: string, session: object, callback?: StoredCallback): void;
  destroy(sid: string, callback?: StoredCallback): void;
  touch(sid: string, session: object, callback?: StoredCallback): void;
  all(callback: StoredCallback): void;
  length(callback: StoredCallback): void;
  clear(callback?: StoredCallback): void;
}

const counting: Handler = (req, res) => {
  if (req.session && req.path !== '/read') req.session.count = ((req.session.count as number | undefined) ?? 0) + 1;
  res.end(String(req.session?.count));
};

const called = <T>(call: (callback: (error?: unknown, value?: T) => void) => void): Promise<T> =>
  new Promise((resolve, reject) => call((error, value) => (error ? reject(error as Error) : resolve(value as T))));

/** express-session reads its clock twice, and is a ms short now and then. */
const inTenths = (ms: unknown): number => Math.round((ms as number) / 100);

describe.each(both)('stores under %s', (_name, session) => {
  const Base = session.Store as unknown as (this: object) => void;

  /** As stores were written before there were classes; its callbacks come at once. */
  function OldStore(this: AnyStore): void {
    Base.call(this);
    this.sessions = {};
    this.calls = [];
  }
  inherits(OldStore, Base);
  Object.assign(OldStore.prototype as object, {
    get(this: AnyStore, sid: string, callback: StoredCallback) {
      this.calls.push('get');
      const found = this.sessions[sid];
      callback(null, found && JSON.parse(found));
    },
    set(this: AnyStore, sid: string, value: object, callback: StoredCallback) {
      this.calls.push('set');
      this.sessions[sid] = JSON.stringify(value);
      callback();
    },
    destroy(this: AnyStore, sid: string, callback: StoredCallback) {
      this.calls.push('destroy');
      delete this.sessions[sid];
      callback();
    },
  });
  const oldStore = (): AnyStore => new (OldStore as unknown as new () => AnyStore)();

  it('extend session.Store by Store.call(this) and util.inherits, and call back at once', async () => {
    const store = oldStore();
    expect(store).toBeInstanceOf(session.Store);
    expect(store).toBeInstanceOf(EventEmitter);
    const app = await serve(session, { store }, counting);
    await app.get();
    expect(await app.text()).toBe('2');
  });

  it('extend session.Store as a class', async () => {
    class NewStore extends (session.Store as unknown as new () => EventEmitter) {
      private readonly kept = new Map<string, string>();
      get(sid: string, callback: StoredCallback): void {
        setImmediate(callback, null, this.kept.has(sid) ? JSON.parse(this.kept.get(sid)!) : null);
      }
      set(sid: string, value: object, callback: StoredCallback): void {
        this.kept.set(sid, JSON.stringify(value));
        setImmediate(callback);
      }
      destroy(sid: string, callback: StoredCallback): void {
        this.kept.delete(sid);
        setImmediate(callback);
      }
    }
    const app = await serve(session, { store: new NewStore() }, counting);
    await app.get();
    expect(await app.text()).toBe('2');
  });

  it('emit events: after disconnect requests have no session, after connect they have', async () => {
    const store = oldStore();
    const app = await serve(session, { store }, counting);
    await app.get();
    store.emit('disconnect');
    expect(await app.text()).toBe('undefined');
    store.emit('connect');
    expect(await app.text()).toBe('2');
  });

  it('get() is asked for the session of the cookie', async () => {
    const store = oldStore();
    const asked: string[] = [];
    const { get } = store;
    store.get = function (sid, callback) {
      asked.push(sid);
      get.call(this, sid, callback);
    };
    const app = await serve(session, { store }, counting);
    await app.get();
    const id = idIn(app.jar.last[0]);
    asked.length = 0;
    await app.get('/read');
    expect(asked).toEqual([id]);
  });

  it('get() that fails with ENOENT has no session', async () => {
    const store = oldStore();
    const app = await serve(session, { store }, counting);
    await app.get();
    store.get = (_sid, callback) => callback(Object.assign(new Error('no file'), { code: 'ENOENT' }));
    expect(await app.text()).toBe('1');
    expect(app.errors).toEqual([]);
  });

  it('get() that fails otherwise is an error for the error handlers, as the store gave it', async () => {
    const store = oldStore();
    const app = await serve(session, { store }, counting);
    await app.get();
    const boom = new Error('boom!');
    store.get = (_sid, callback) => callback(boom);
    expect(await app.text()).toBe('boom!');
    expect(app.errors).toEqual([boom]);
  });

  it('set() and touch() are given a Session with its id, whose cookie is a Cookie with its end as a Date (#13.28)', async () => {
    const store = new session.MemoryStore();
    const given: [string, LiveSession][] = [];
    for (const method of ['set', 'touch'] as const) {
      const original = store[method];
      store[method] = function (sid, value, callback) {
        given.push([sid, value as LiveSession]);
        original.call(this, sid, value, callback);
      };
    }
    const app = await serve(session, { store, cookie: { maxAge: 60_000, sameSite: 'lax' } }, (req, res) => {
      req.session.count ??= 1;
      res.end();
    });
    await app.get();
    await app.get();
    expect(given).toHaveLength(2);
    for (const [sid, value] of given) {
      expect([value instanceof session.Session, value.cookie instanceof session.Cookie]).toEqual([true, true]);
      expect([value.id, value.req.sessionID]).toEqual([sid, sid]);
      for (const each of [value.cookie.toJSON(), value.cookie.data, value.cookie])
        expect(inTenths(((each as { expires: Date }).expires.getTime() - Date.now()) as number)).toBeGreaterThan(580);
      expect({ ...value.cookie }).toMatchObject({ path: '/', httpOnly: true, sameSite: 'lax' });
      expect(structuredClone({ ...value })).toMatchObject({ count: 1, cookie: { path: '/' } });
    }
  });

  it('set() is given the id and a session with its cookie', async () => {
    const store = oldStore();
    const given: unknown[][] = [];
    const { set } = store;
    store.set = function (sid, value, callback) {
      given.push([sid, JSON.parse(JSON.stringify(value)), (value as LiveSession).cookie.maxAge !== undefined]);
      set.call(this, sid, value, callback);
    };
    const app = await serve(session, { store, cookie: { maxAge: 60_000 } }, counting);
    await app.get();
    expect(given).toEqual([
      [
        idIn(app.jar.last[0]),
        expect.objectContaining({ count: 1, cookie: expect.objectContaining({ originalMaxAge: expect.any(Number) }) }),
        true,
      ],
    ]);
    expect(inTenths((given[0]![1] as LiveSession).cookie.originalMaxAge)).toBe(600);
  });

  it('set() that fails gives its error to the callback of save()', async () => {
    const store = oldStore();
    const boom = new Error('boom!');
    const app = await serve(session, { store }, (req, res) => {
      store.set = (_sid, _value, callback) => callback!(boom);
      req.session.save((error) => {
        store.set = (_sid, _value, callback) => callback!();
        res.end(String(error === boom));
      });
    });
    expect(await app.text()).toBe('true');
  });

  it('destroy() is called for destroy(), and its error given to the callback', async () => {
    const store = oldStore();
    const boom = new Error('boom!');
    const app = await serve(session, { store }, (req, res, next) => {
      if (req.path !== '/destroy') return counting(req, res, next);
      store.destroy = (_sid, callback) => callback!(boom);
      req.session.destroy((error) => res.end(String(error === boom)));
    });
    await app.get();
    expect(await app.text('/destroy')).toBe('true');
  });

  it('touch() is called for a session that was not changed, with its cookie', async () => {
    const store = oldStore();
    const touched: unknown[] = [];
    store.touch = (sid, value, callback) => {
      touched.push([sid, (value as LiveSession).cookie.maxAge]);
      callback!();
    };
    const app = await serve(session, { store, cookie: { maxAge: 60_000 } }, counting);
    await app.get();
    const id = idIn(app.jar.last[0]);
    store.calls.length = 0;
    await app.get('/read');
    expect(touched).toEqual([[id, expect.any(Number)]]);
    expect(store.calls).toEqual(['get']);
    await app.get();
    expect(touched).toHaveLength(1);
  });

  it('without touch() are left alone if the session was not changed', async () => {
    const store = oldStore();
    const app = await serve(session, { store }, counting);
    await app.get();
    store.calls.length = 0;
    await app.get('/read');
    expect(store.calls).toEqual(['get']);
  });

  it('are called by the methods that they have at that time', async () => {
    const store = oldStore();
    const app = await serve(session, { store }, counting);
    await app.get();
    const before = store.get;
    store.get = function (sid, callback) {
      before.call(this, sid, (error, found) => callback(error, found && { ...found, count: 41 }));
    };
    expect(await app.text()).toBe('42');
  });

  it('regenerate() ends the session of a request, and gives it a new one', async () => {
    const store = oldStore();
    const app = await serve(session, { store }, (req, res, next) => {
      if (req.path !== '/regenerate') return counting(req, res, next);
      const before = req.sessionID;
      req.sessionStore.regenerate(req, (error) =>
        res.end(JSON.stringify([error ?? null, req.sessionID === before, before in store.sessions])),
      );
    });
    await app.get();
    expect(JSON.parse(await app.text('/regenerate'))).toEqual([null, false, false]);
  });

  it('load() gives a session apart from any request, whose end is a Date', async () => {
    const store = oldStore();
    const app = await serve(session, { store, cookie: { maxAge: 60_000 } }, counting);
    await app.get();
    const id = idIn(app.jar.last[0])!;
    const loaded = await called<LiveSession>((callback) => (store as LiveStore).load(id, callback));
    expect(loaded).toBeInstanceOf(session.Session);
    expect(loaded.id).toBe(id);
    expect(loaded.count).toBe(1);
    expect(loaded.cookie).toBeInstanceOf(session.Cookie);
    expect(loaded.cookie.expires).toBeInstanceOf(Date);
    loaded.count = 10;
    await called((callback) => void loaded.save(callback));
    expect(await app.text()).toBe('11');
    expect(await called((callback) => (store as LiveStore).load('unknown', callback))).toBeUndefined();
  });

  it('createSession() makes stored data the session of a request', () => {
    const store = oldStore();
    const expires = new Date(Date.now() + 60_000);
    const req = { sessionID: 'one', sessionStore: store } as { session?: LiveSession };
    const made = store.createSession(req, {
      cookie: { expires: expires.toISOString(), originalMaxAge: 120_000 },
      user: 'Ann',
    });
    expect(req.session).toBe(made);
    expect(made).toBeInstanceOf(session.Session);
    expect([made.id, made.user, made.cookie.expires, made.cookie.originalMaxAge]).toEqual([
      'one',
      'Ann',
      expires,
      120_000,
    ]);
  });

  it('generate() makes any request a session', () => {
    const store = oldStore();
    session({
      secret: 'x',
      store: store as never,
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: 60_000 },
      genid: () => 'made',
    });
    const req = {} as { sessionID: string; session: LiveSession };
    store.generate(req);
    expect(req.sessionID).toBe('made');
    expect(req.session.id).toBe('made');
    expect(inTenths(req.session.cookie.originalMaxAge)).toBe(600);
  });

  describe('MemoryStore', () => {
    const store = () => new session.MemoryStore() as unknown as AnyStore;
    const cookie = (expires: unknown = null) => ({ originalMaxAge: null, expires });

    it('gives what was set, as a copy', async () => {
      const memory = store();
      const data = { cookie: cookie(), list: [1] };
      await called((callback) => memory.set('a', data, callback));
      data.list.push(2);
      expect(await called((callback) => memory.get('a', callback as never))).toEqual({ cookie: cookie(), list: [1] });
      expect(await called((callback) => memory.get('b', callback as never))).toBeUndefined();
    });

    it('all() gives the sessions by id, length() their number, clear() ends them', async () => {
      const memory = store();
      await called((callback) => memory.set('a', { cookie: cookie(), n: 1 }, callback));
      await called((callback) => memory.set('b', { cookie: cookie(), n: 2 }, callback));
      expect(Object.keys(await called<object>((callback) => memory.all(callback as never)))).toEqual(['a', 'b']);
      expect(await called((callback) => memory.length(callback as never))).toBe(2);
      await called((callback) => memory.clear(callback));
      expect(await called((callback) => memory.length(callback as never))).toBe(0);
    });

    it('destroy() ends one', async () => {
      const memory = store();
      await called((callback) => memory.set('a', { cookie: cookie() }, callback));
      await called((callback) => memory.destroy('a', callback));
      expect(await called((callback) => memory.get('a', callback as never))).toBeUndefined();
    });

    it('touch() takes the cookie alone', async () => {
      const memory = store();
      await called((callback) => memory.set('a', { cookie: cookie(), n: 1 }, callback));
      const later = new Date(Date.now() + 60_000).toISOString();
      await called((callback) => memory.touch('a', { cookie: cookie(later), n: 2 }, callback));
      expect(await called((callback) => memory.get('a', callback as never))).toEqual({ cookie: cookie(later), n: 1 });
      await called((callback) => memory.touch('b', { cookie: cookie() }, callback));
      expect(await called((callback) => memory.get('b', callback as never))).toBeUndefined();
    });

    it('drops what has expired', async () => {
      const memory = store();
      await called((callback) => memory.set('a', { cookie: cookie(new Date(Date.now() - 1)) }, callback));
      expect(await called((callback) => memory.get('a', callback as never))).toBeUndefined();
      expect(Object.keys(memory.sessions)).toEqual([]);
    });
  });
});
