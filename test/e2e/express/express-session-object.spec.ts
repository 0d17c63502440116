import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { attributes, both, type Handler, idIn, type LiveSession, serve } from '../../support/express-app.js';

describe.each(both)('req.session of %s', (name, session) => {
  const counting: Handler = (req, res) => {
    req.session.count = ((req.session.count as number | undefined) ?? 0) + 1;
    res.end(String(req.session.count));
  };
  /** The steps by path; without one a counter. */
  const routes =
    (steps: Record<string, Handler>): Handler =>
    (req, res, next) =>
      (steps[req.path] ?? counting)(req, res, next);

  it('keeps what is assigned, nested values too, from one request to the next', async () => {
    const app = await serve(session, {}, (req, res) => {
      req.session.cart ??= { items: [] };
      const cart = req.session.cart as { items: number[] };
      cart.items.push(cart.items.length + 1);
      res.end(JSON.stringify(cart));
    });
    await app.get();
    await app.get();
    expect(await app.text()).toBe('{"items":[1,2,3]}');
  });

  it('is serialised as the cookie and the data, and nothing else', async () => {
    const app = await serve(session, {}, (req, res) => {
      req.session.user = 'Ann';
      res.end(
        JSON.stringify({ keys: Object.keys(req.session), json: req.session, copied: Object.keys({ ...req.session }) }),
      );
    });
    const { keys, json, copied } = JSON.parse(await app.text()) as {
      keys: string[];
      json: Record<string, unknown>;
      copied: string[];
    };
    expect(keys).toEqual(['cookie', 'user']);
    expect(copied).toEqual(['cookie', 'user']);
    expect(json).toEqual({
      cookie: expect.objectContaining({ originalMaxAge: null, httpOnly: true, path: '/' }),
      user: 'Ann',
    });
  });

  it('drops what JSON drops, without a word', async () => {
    const app = await serve(session, {}, (req, res) => {
      const before = Object.keys(req.session).filter((key) => key !== 'cookie');
      req.session.fn = () => 1;
      req.session.nothing = undefined;
      req.session.kept = 1;
      res.end(before.join());
    });
    await app.get();
    expect(await app.text()).toBe('kept');
  });

  it('turns a Map, a promise and NaN into what JSON makes of them (#13.7)', async () => {
    const app = await serve(session, {}, (req, res) => {
      const { cookie: _cookie, ...before } = req.session;
      Object.assign(req.session, { map: new Map([[1, 2]]), promise: Promise.resolve(1), n: Number.NaN });
      res.end(JSON.stringify(before));
    });
    await app.get();
    expect(JSON.parse(await app.text())).toEqual({ map: {}, promise: {}, n: null });
  });

  it('leaves all names but its own to the app', async () => {
    const data = { info: 1, login: 'a', logout: 'b', update: {}, renew: [1], user: { id: 7 } };
    const app = await serve(session, {}, (req, res) => {
      if (req.path === '/set') Object.assign(req.session, data);
      const { cookie: _cookie, ...rest } = req.session;
      res.end(JSON.stringify(rest));
    });
    await app.get('/set');
    expect(JSON.parse(await app.text('/get'))).toEqual(data);
  });

  describe('id', () => {
    it('is the id in the cookie, the same as req.sessionID, and can not be assigned', async () => {
      const app = await serve(session, { saveUninitialized: true }, (req, res) => {
        expect(() => {
          req.session.id = 'mine';
        }).toThrow(TypeError);
        res.end(`${req.session.id} ${req.sessionID}`);
      });
      const text = await app.text();
      const id = idIn(app.jar.last[0]);
      expect(text).toBe(`${id} ${id}`);
    });
  });

  describe('regenerate()', () => {
    it('gives a new id and an empty session, in a new object', async () => {
      const app = await serve(
        session,
        {},
        routes({
          '/regenerate': (req, res) => {
            const { id, session: before } = { id: req.session.id, session: req.session };
            req.session.regenerate((error) => {
              res.end(
                JSON.stringify([
                  error ?? null,
                  req.session === before,
                  req.session.id === id,
                  req.session.count ?? null,
                  req.sessionID === req.session.id,
                ]),
              );
            });
          },
        }),
      );
      await app.get();
      const old = app.jar.header;
      expect(JSON.parse(await app.text('/regenerate'))).toEqual([null, false, false, null, true]);
      expect(app.jar.last).toHaveLength(1);
      expect(app.jar.header).not.toBe(old);
    });

    it('removes the old record, and keeps what is written to the new session', async () => {
      const store = new session.MemoryStore();
      const app = await serve(
        session,
        { store },
        routes({
          '/regenerate': (req, res) =>
            void req.session.regenerate(() => {
              req.session.user = 'Ann';
              res.end('done');
            }),
          '/user': (req, res) => void res.end(String(req.session.user)),
        }),
      );
      await app.get();
      const old = idIn(app.jar.last[0])!;
      await app.get('/regenerate');
      expect(Object.keys(store.sessions)).toEqual([idIn(app.jar.last[0])]);
      expect(store.sessions[old]).toBeUndefined();
      expect(await app.text('/user')).toBe('Ann');
    });
  });

  describe('destroy()', () => {
    it('removes the record, and unsets req.session at once', async () => {
      const store = new session.MemoryStore();
      const app = await serve(
        session,
        { store },
        routes({
          '/destroy': (req, res) => {
            req.session.destroy((error) => res.end(JSON.stringify([error ?? null, req.session === undefined])));
            expect(req.session).toBeUndefined();
          },
        }),
      );
      await app.get();
      expect(Object.keys(store.sessions)).toHaveLength(1);
      expect(JSON.parse(await app.text('/destroy'))).toEqual([null, true]);
      expect(Object.keys(store.sessions)).toEqual([]);
      expect(await app.text()).toBe('1');
    });

    it('needs no callback', async () => {
      const store = new session.MemoryStore();
      const app = await serve(
        session,
        { store },
        routes({
          '/destroy': (req, res) => {
            req.session.destroy();
            setTimeout(() => res.end('gone'), 5);
          },
        }),
      );
      await app.get();
      expect(await app.text('/destroy')).toBe('gone');
      expect(Object.keys(store.sessions)).toEqual([]);
    });
  });

  describe('reload()', () => {
    it('reads again what another request has saved meanwhile, and drops what was not saved', async () => {
      const app = await serve(
        session,
        {},
        routes({
          '/reload': (req, res) => {
            req.session.count = 99;
            void fetch(`${app.url}/`, { headers: { cookie: req.headers.cookie! } }).then(() => {
              req.session.reload((error) => res.end(JSON.stringify([error ?? null, req.session.count])));
            });
          },
        }),
      );
      await app.get();
      expect(JSON.parse(await app.text('/reload'))).toEqual([null, 2]);
      expect(await app.text()).toBe('3');
    });

    it('is an error if the session is gone', async () => {
      const store = new session.MemoryStore();
      const app = await serve(
        session,
        { store },
        routes({
          '/reload': (req, res) => {
            store.clear(() => req.session.reload((error) => res.end((error as Error).message)));
          },
        }),
      );
      await app.get();
      expect(await app.text('/reload')).toBe('failed to load session');
    });
  });

  describe('save()', () => {
    it('has written when it calls back, before the response ends', async () => {
      const store = new session.MemoryStore();
      const app = await serve(session, { store }, (req, res) => {
        req.session.user = 'Ann';
        req.session.save((error) => {
          res.end(JSON.stringify([error ?? null, JSON.parse(store.sessions[req.sessionID]!).user]));
        });
      });
      expect(JSON.parse(await app.text())).toEqual([null, 'Ann']);
    });

    it('needs no callback, and what comes after it is saved too', async () => {
      const app = await serve(
        session,
        {},
        routes({
          '/save': (req, res) => {
            req.session.first = 1;
            req.session.save();
            req.session.second = 2;
            res.end();
          },
          '/read': (req, res) => void res.end(JSON.stringify([req.session.first, req.session.second])),
        }),
      );
      await app.get('/save');
      expect(await app.text('/read')).toBe('[1,2]');
    });

    it('writes a new session that is unchanged', async () => {
      const store = new session.MemoryStore();
      const app = await serve(session, { store }, (req, res) => void req.session.save(() => res.end()));
      await app.get();
      expect(Object.keys(store.sessions)).toHaveLength(1);
    });
  });

  describe('touch() and resetMaxAge()', () => {
    it('give the cookie its whole life again', async () => {
      const app = await serve(session, { cookie: { maxAge: 60_000 } }, (req, res) => {
        const left: (number | null)[] = [];
        for (const method of ['touch', 'resetMaxAge'] as const) {
          req.session.cookie.expires = new Date(Date.now() + 1_000);
          req.session.cookie.originalMaxAge = 60_000;
          req.session[method]();
          left.push(req.session.cookie.maxAge);
        }
        res.end(JSON.stringify(left));
      });
      for (const left of JSON.parse(await app.text()) as number[]) expect(left).toBeGreaterThan(50_000);
    });
  });

  // express-session's save() and reload() give undefined, against its own types.
  if (name !== 'express-session')
    it('gives itself from every method, with a callback or without', async () => {
      const app = await serve(session, {}, (req, res) => {
        const one = req.session;
        one.count = 1;
        const results: LiveSession[] = [one.touch(), one.resetMaxAge(), one.save(() => undefined), one.save()];
        results.push(
          one.reload(() => {
            results.push(
              req.session.regenerate(() => {
                const two = req.session;
                const ended = two.destroy(() =>
                  res.end(JSON.stringify([...results.slice(0, 5).map((each) => each === one), ended === two])),
                );
              }),
            );
          }),
        );
      });
      expect(JSON.parse(await app.text())).toEqual([true, true, true, true, true, true]);
    });

  describe('cookie', () => {
    it('tells what is left of its life, and the whole of it', async () => {
      const app = await serve(session, { cookie: { maxAge: 60_000 } }, (req, res) => {
        const { maxAge, originalMaxAge, expires } = req.session.cookie;
        res.end(JSON.stringify({ maxAge, originalMaxAge, isDate: expires instanceof Date }));
      });
      const told = JSON.parse(await app.text()) as { maxAge: number; originalMaxAge: number; isDate: boolean };
      expect(told.maxAge).toBeGreaterThan(58_000);
      // express-session reads its clock twice, and is a ms short now and then.
      expect(Math.round(told.originalMaxAge / 100)).toBe(600);
      expect(told.isDate).toBe(true);
    });

    it('takes a new maxAge for this one session, and keeps it', async () => {
      const app = await serve(
        session,
        { cookie: { maxAge: 60_000 }, rolling: true },
        routes({
          '/remember': (req, res) => {
            req.session.count = 1;
            req.session.cookie.maxAge = 3_600_000;
            res.end();
          },
        }),
      );
      const left = () => Date.parse(attributes(app.jar.last[0]).Expires as string) - Date.now();
      await app.get('/remember');
      await app.get();
      expect(left()).toBeGreaterThan(3_500_000);
      await app.get();
      expect(left()).toBeGreaterThan(3_500_000);
    });

    it('takes a new end', async () => {
      const app = await serve(session, {}, (req, res) => {
        req.session.count = 1;
        req.session.cookie.expires = new Date(Date.now() + 3_600_000);
        res.end(String(req.session.cookie.maxAge));
      });
      expect(Number(await app.text())).toBeGreaterThan(3_590_000);
      expect(Date.parse(attributes(app.jar.last[0]).Expires as string) - Date.now()).toBeGreaterThan(3_590_000);
    });

    it('ends with the browser once expires is set to false, or null', async () => {
      for (const none of [false, null] as const) {
        const app = await serve(session, { cookie: { maxAge: 60_000 } }, (req, res) => {
          req.session.count = 1;
          req.session.cookie.expires = none;
          res.end();
        });
        await app.get();
        expect(attributes(app.jar.last[0])).toEqual({ Path: '/', HttpOnly: true });
      }
    });

    it('serialises itself', async () => {
      const app = await serve(session, { cookie: { path: '/', sameSite: 'lax' } }, (req, res) => {
        res.end(
          JSON.stringify([
            req.session.cookie.serialize('name', 'a b'),
            req.session.cookie.toJSON(),
            req.session.cookie instanceof session.Cookie,
          ]),
        );
      });
      const [text, json, isCookie] = JSON.parse(await app.text()) as [string, Record<string, unknown>, boolean];
      expect(text).toBe('name=a%20b; Path=/; HttpOnly; SameSite=Lax');
      expect(json).toEqual({ originalMaxAge: null, expires: null, httpOnly: true, path: '/', sameSite: 'lax' });
      expect(isCookie).toBe(true);
    });
  });

  it('can be spread and cloned, with its cookie (#13.28)', async () => {
    const app = await serve(session, { cookie: { maxAge: 60_000, sameSite: 'lax' } }, (req, res) => {
      req.session.user = { name: 'Ann' };
      const cloned = structuredClone(req.session) as unknown as Record<string, unknown>;
      res.end(JSON.stringify([cloned, { ...req.session }.user, { ...req.session.cookie }, Object.keys(cloned)]));
    });
    const cookie = {
      path: '/',
      _expires: expect.any(String),
      originalMaxAge: expect.any(Number),
      httpOnly: true,
      sameSite: 'lax',
    };
    const user = { name: 'Ann' };
    for (let visit = 0; visit < 2; visit += 1)
      expect(JSON.parse(await app.text())).toEqual([{ cookie, user }, user, cookie, ['cookie', 'user']]);
  });

  it('is logged as its cookie and data, and a copy with its prototype is written as JSON (#13.28)', async () => {
    const app = await serve(session, { cookie: { sameSite: 'lax' } }, (req, res) => {
      req.session.user = 'Ann';
      const copy = Object.assign(Object.create(Object.getPrototypeOf(req.session) as object) as object, req.session);
      res.end(JSON.stringify([inspect(req.session), inspect({ deep: [req.session.cookie] }), copy, copy.id ?? null]));
    });
    const cookie =
      "{\n    path: '/',\n    _expires: null,\n    originalMaxAge: null,\n    httpOnly: true,\n    sameSite: 'lax'\n  }";
    const [text, deep, copy, id] = JSON.parse(await app.text()) as [string, string, object, unknown];
    expect(text).toBe(`Session {\n  cookie: ${cookie},\n  user: 'Ann'\n}`);
    expect(deep).toMatch(/path: '\/',\s+_expires: null,\s+originalMaxAge: null,\s+httpOnly: true,\s+sameSite: 'lax'/);
    expect(copy).toEqual({ cookie: expect.objectContaining({ path: '/', httpOnly: true }), user: 'Ann' });
    expect(id).toBeNull();
  });

  it('takes originalMaxAge as the life of this one session, as the end of the response makes it (#13.28)', async () => {
    const app = await serve(
      session,
      { cookie: { maxAge: 60_000 } },
      routes({
        '/remember': (req, res) => {
          req.session.cookie.originalMaxAge = 3_600_000;
          req.session.user = 'Ann';
          res.end();
        },
        '/forget': (req, res) => {
          req.session.cookie.originalMaxAge = null;
          req.session.count = 0;
          res.end();
        },
      }),
    );
    const left = () => Date.parse(attributes(app.jar.last[0]).Expires as string) - Date.now();
    for (const path of ['/remember', '/']) {
      await app.get(path);
      expect(left()).toBeGreaterThan(3_500_000);
    }
    await app.get('/forget');
    expect(await app.text()).toBe('1');
    expect(app.jar.last).toEqual([]);
  });

  it('takes a cookie that was made anew, with what was set on it since (#13.28)', async () => {
    const app = await serve(session, { cookie: { maxAge: 60_000 } }, (req, res) => {
      const cookie = new session.Cookie({ maxAge: 3_600_000, sameSite: 'lax' });
      cookie.priority = 'high';
      req.session.cookie = cookie as never;
      req.session.count = 1;
      res.end();
    });
    await app.get();
    const { Expires: end, ...rest } = attributes(app.jar.last[0]);
    expect(Date.parse(end as string) - Date.now()).toBeGreaterThan(3_500_000);
    expect(rest).toEqual({ Path: '/', HttpOnly: true, SameSite: 'Lax', Priority: 'High' });
  });

  it('takes a cookie that was made of its own (#13.28)', async () => {
    const app = await serve(session, { cookie: { maxAge: 60_000 }, rolling: true }, (req, res) => {
      req.session.user = 'Ann';
      req.session.cookie = new session.Cookie({ ...req.session.cookie, maxAge: 3_600_000 } as never) as never;
      res.end();
    });
    await app.get();
    const sent = attributes(app.jar.last[0]);
    expect(Date.parse(sent.Expires as string) - Date.now()).toBeGreaterThan(3_500_000);
    expect(sent).toMatchObject({ HttpOnly: true, Path: '/' });
  });

  describe('req.sessionID', () => {
    it('is the id of the session that was loaded or made', async () => {
      const app = await serve(session, { saveUninitialized: true }, (req, res) => void res.end(req.sessionID));
      const first = await app.text();
      expect(idIn(app.jar.last[0])).toBe(first);
      expect(await app.text()).toBe(first);
    });

    it('that is no text means that nothing is saved, and no cookie sent', async () => {
      const store = new session.MemoryStore();
      const app = await serve(session, { store, saveUninitialized: true }, (req, res) => {
        req.sessionID = (() => undefined) as never;
        res.end('none');
      });
      expect(await app.text()).toBe('none');
      expect(app.jar.last).toEqual([]);
      expect(Object.keys(store.sessions)).toEqual([]);
    });
  });

  describe('req.sessionStore', () => {
    it('is the store, which can make the request a new session', async () => {
      const store = new session.MemoryStore();
      const app = await serve(
        session,
        { store },
        routes({
          '/generate': (req, res) => {
            const before = req.sessionID;
            req.sessionStore.generate(req);
            req.session.made = true;
            res.end(
              JSON.stringify([
                (req.sessionStore as unknown) === store,
                req.sessionID === before,
                req.session.id === req.sessionID,
              ]),
            );
          },
          '/made': (req, res) => void res.end(String(req.session.made)),
        }),
      );
      await app.get();
      const old = app.jar.header;
      expect(JSON.parse(await app.text('/generate'))).toEqual([true, false, true]);
      expect(app.jar.header).not.toBe(old);
      expect(await app.text('/made')).toBe('true');
      // The old record is the caller's.
      expect(await app.text('/', { headers: { cookie: old } })).toBe('2');
    });
  });

  it.each([null, undefined])('reads as it was unset, with %s (#13.28)', async (nothing) => {
    const app = await serve(
      session,
      {},
      routes({
        '/unset': (req, res) => {
          req.session = nothing as never;
          res.end(`${(req.session as unknown) === nothing} ${String(req.session)}`);
        },
      }),
    );
    await app.get();
    expect(await app.text('/unset')).toBe(`true ${nothing}`);
  });

  it('has no error for who saves it once it is destroyed (#13.28)', async () => {
    const app = await serve(
      session,
      {},
      routes({
        '/logout': (req, res) => {
          const { session: ended } = req;
          ended.destroy(() => ended.save((error) => res.end(String(error ?? 'none'))));
        },
      }),
    );
    await app.get();
    expect(await app.text('/logout')).toBe('none');
  });

  it('has one session if it is mounted twice', async () => {
    const store = new session.MemoryStore();
    const app = await serve(session, { store, name: 'inner' }, counting, (express) => {
      express.use(session({ secret: 'keyboard cat', name: 'outer', resave: false, saveUninitialized: false }) as never);
    });
    await app.get();
    expect([...app.jar.cookies.keys()]).toEqual(['outer']);
    expect(Object.keys(store.sessions)).toEqual([]);
  });

  describe('that was put aside leaves room for a second session() (#13.26)', () => {
    const asides: Record<string, Handler> = {
      destroyed: (req, _res, next) => void req.session.destroy(next),
      deleted: (req, _res, next) => (delete (req as { session?: unknown }).session, next()),
      'set to null': (req, _res, next) => ((req.session = null as never), next()),
    };

    it.each(Object.keys(asides))('%s', async (how) => {
      const first = new session.MemoryStore();
      const second = new session.MemoryStore();
      const own = { secret: 'keyboard cat', resave: false, saveUninitialized: false };
      const app = await serve(session, { ...own, store: second, name: 'second' }, counting, (express) => {
        express.use(session({ ...own, store: first, name: 'first', unset: 'destroy' }) as never);
        express.use('/first', counting as never);
        express.use(asides[how] as never);
      });
      expect(await app.text('/first')).toBe('1');
      expect(Object.keys(first.sessions)).toHaveLength(1);
      expect(await app.text()).toBe('1');
      const id = idIn(app.jar.cookies.get('second'));
      expect(Object.keys(second.sessions)).toEqual([id]);
      expect(await app.text()).toBe('2');
      expect(Object.keys(second.sessions)).toEqual([id]);
      // There the first session() goes on to answer for the second's.
      const isPeer = name === 'express-session';
      expect(app.jar.cookies.has('first')).toBe(isPeer);
      if (isPeer) expect(idIn(app.jar.cookies.get('first'))).toBe(id);
      else expect(Object.keys(first.sessions)).toEqual([]);
    });
  });

  it('finds a cookie that something has put among the findings of cookie-parser', async () => {
    const app = await serve(session, {}, counting, (express) =>
      express.use(((
        req: { headers: Record<string, string | undefined>; cookies: object },
        _res: unknown,
        next: () => void,
      ) => {
        const card = req.headers['x-card'];
        req.cookies = card === undefined ? {} : { 'connect.sid': card };
        next();
      }) as never),
    );
    await app.get();
    const card = decodeURIComponent(app.jar.cookies.get('connect.sid')!);
    app.jar.cookies.clear();
    expect(await app.text('/', { headers: { 'x-card': card } })).toBe('2');
    expect(await app.text('/', { headers: { 'x-card': `${card}x` } })).toBe('1');
  });

  it('leaves no trace in the global object, and needs none', () => {
    const before = Object.getOwnPropertyNames(globalThis);
    session({ secret: 'x', resave: false, saveUninitialized: false });
    expect(Object.getOwnPropertyNames(globalThis)).toEqual(before);
  });

  it('serves a request without a response of node:http, as of a web socket', async () => {
    const middleware = session({
      secret: 'keyboard cat',
      resave: false,
      saveUninitialized: false,
      store: new session.MemoryStore(),
    });
    const app = await serve(session, {}, counting);
    await app.get();
    const req = { url: '/', headers: {}, socket: {}, connection: {} } as never;
    await new Promise<void>((resolve, reject) =>
      middleware(req, {} as never, (error) => (error ? reject(error as Error) : resolve())),
    );
    const live = (req as { session: LiveSession }).session;
    live.count = 1;
    await new Promise<void>((resolve, reject) => live.save((error) => (error ? reject(error as Error) : resolve())));
    await new Promise<void>((resolve, reject) => live.reload((error) => (error ? reject(error as Error) : resolve())));
    expect((req as { session: LiveSession }).session.count).toBe(1);
  });
});
