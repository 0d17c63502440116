import { once } from 'node:events';
import { connect, createServer } from 'node:http2';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import session, { keycard } from 'nestjs-keycard/express';
import { MemoryStore, SessionStateError } from 'nestjs-keycard';
import { Jar } from '../../support/app.js';
import { attributes, type Handler, idIn, listen, peer, type Req, serve } from '../../support/express-app.js';

const counting: Handler = (req, res) => {
  req.session.count = ((req.session.count as number | undefined) ?? 0) + 1;
  res.end(String(req.session.count));
};
const routes =
  (steps: Record<string, Handler>): Handler =>
  (req, res, next) =>
    (steps[req.path] ?? counting)(req, res, next);

/** A gate that a handler waits at, and that tells when somebody has come. */
function turnstile() {
  let open!: () => void;
  let arrived!: () => void;
  const passed = new Promise<void>((resolve) => (open = resolve));
  const reached = new Promise<void>((resolve) => (arrived = resolve));
  return { open, reached, pass: () => (arrived(), passed) };
}

describe('nestjs-keycard/express does better than express-session', () => {
  it('ends a session for good: a request that was at work when it was destroyed brings nothing back', async () => {
    const outcome = async (create: typeof session): Promise<string[]> => {
      const store = new create.MemoryStore();
      const gate = turnstile();
      const app = await serve(
        create,
        { store },
        routes({
          '/slow': (req, res) => {
            req.session.late = true;
            void gate.pass().then(() => res.end());
          },
          '/logout': (req, res) => void req.session.destroy(() => res.end()),
        }),
      );
      await app.get();
      const { header } = app.jar;
      const slow = fetch(`${app.url}/slow`, { headers: { cookie: header } });
      await gate.reached;
      await app.get('/logout');
      gate.open();
      await slow;
      await wait(10);
      return Object.keys(store.sessions);
    };
    expect(await outcome(peer)).toHaveLength(1);
    expect(await outcome(session)).toEqual([]);
  });

  it('loses no change of another key to a request that ends later', async () => {
    const outcome = async (create: typeof session): Promise<unknown> => {
      const store = new create.MemoryStore();
      const gate = turnstile();
      const app = await serve(
        create,
        { store },
        routes({
          '/a': (req, res) => {
            req.session.a = 1;
            void gate.pass().then(() => res.end());
          },
          '/b': (req, res) => {
            req.session.b = 1;
            res.end();
          },
          '/read': (req, res) => void res.end(JSON.stringify([req.session.a, req.session.b])),
        }),
      );
      await app.get();
      const { header } = app.jar;
      const slow = fetch(`${app.url}/a`, { headers: { cookie: header } });
      await gate.reached;
      await app.get('/b');
      gate.open();
      await slow;
      return JSON.parse(await app.text('/read'));
    };
    expect(await outcome(peer)).toEqual([1, null]);
    expect(await outcome(session)).toEqual([1, 1]);
  });

  it('sends no cookie of an ended session with a late reply, over that of a new login', async () => {
    const outcome = async (create: typeof session): Promise<string[]> => {
      const gate = turnstile();
      const app = await serve(
        create,
        { store: new create.MemoryStore(), rolling: true },
        routes({
          '/slow': (_req, res) => void gate.pass().then(() => res.end()),
          '/login': (req, res) => void req.session.regenerate(() => res.end()),
        }),
      );
      await app.get();
      const slow = fetch(`${app.url}/slow`, { headers: { cookie: app.jar.header } });
      await gate.reached;
      await app.get('/login');
      gate.open();
      return (await slow).headers.getSetCookie();
    };
    expect(await outcome(peer)).toHaveLength(1);
    expect(await outcome(session)).toEqual([]);
  });

  it('clears the cookie of a destroyed session, with its own attributes', async () => {
    const app = await serve(
      session,
      { cookie: { path: '/', domain: 'localhost', sameSite: 'lax', maxAge: 60_000 } },
      routes({
        '/logout': (req, res) => void req.session.destroy(() => res.end()),
      }),
    );
    await app.get();
    await app.get('/logout');
    expect(app.jar.last).toEqual([
      'connect.sid=; Domain=localhost; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax',
    ]);
    await app.get('/logout');
    expect(app.jar.last).toEqual([]);
  });

  it('leaves the cookie there with keepCookieOnDestroy', async () => {
    const app = await serve(
      session,
      { keepCookieOnDestroy: true },
      routes({
        '/logout': (req, res) => void req.session.destroy(() => res.end()),
      }),
    );
    await app.get();
    await app.get('/logout');
    expect(app.jar.last).toEqual([]);
  });

  it('makes no orphan once a stream has begun: what nobody can be told of is not saved', async () => {
    const outcome = async (create: typeof session): Promise<[number, string[]]> => {
      const store = new create.MemoryStore();
      const app = await serve(create, { store }, (req, res) => {
        res.write('begun ');
        setTimeout(() => {
          req.session.late = true;
          res.end('ended');
        }, 20);
      });
      expect(await app.text()).toBe('begun ended');
      return [Object.keys(store.sessions).length, app.warnings];
    };
    expect((await outcome(peer))[0]).toBe(1);
    const [kept, warnings] = await outcome(session);
    expect(kept).toBe(0);
    expect(warnings.join()).toMatch(/after the response had begun/);
  });

  it('saves what is written to a known session after a stream has begun', async () => {
    const app = await serve(
      session,
      {},
      routes({
        '/stream': (req, res) => {
          res.write('begun ');
          setTimeout(() => {
            req.session.count = 10;
            res.end('ended');
          }, 20);
        },
      }),
    );
    await app.get();
    await app.text('/stream');
    expect(await app.text()).toBe('11');
  });

  it('takes a cookie path by its segments: /foo covers /foo and /foo/bar, and not /foobar', async () => {
    const covered = async (create: typeof session, path: string): Promise<string> => {
      const app = await serve(
        create,
        { cookie: { path: '/foo' } },
        (req, res) => void res.end(String(req.session !== undefined)),
      );
      return app.text(path);
    };
    expect(await covered(peer, '/foobar')).toBe('true');
    expect(await covered(session, '/foobar')).toBe('false');
    for (const path of ['/foo', '/foo/bar', '/foo?q=/', '/foo/']) expect(await covered(session, path)).toBe('true');
  });

  it('looks at the whole path if it is mounted on one', async () => {
    const express = (await import('express')).default;
    const app = express();
    app.use(
      '/admin',
      session({ secret: 'x', resave: false, saveUninitialized: false, cookie: { path: '/admin' } }) as never,
    );
    app.use(((req: { session?: unknown }, res: { end(text: string): void }) =>
      res.end(String(req.session !== undefined))) as never);
    const served = await listen(app);
    expect(await served.text('/admin/users')).toBe('true');
    expect(await served.text('/other')).toBe('false');
  });

  it('answers 503 if the save failed, not 200', async () => {
    const store = new session.MemoryStore();
    store.set = (_sid, _value, callback) => callback!(new Error('boom!'));
    const app = await serve(session, { store }, counting);
    const answer = await app.get();
    expect(answer.status).toBe(503);
    expect(await answer.text()).not.toContain('boom');
    expect(app.jar.last).toEqual([]);
    expect(app.warnings.join()).toMatch(/could not be saved/);
  });

  describe('with a store that fails at the end of the response (#13.28)', () => {
    const failing = async (create: typeof session, method: 'touch' | 'destroy', options: object, handler: Handler) => {
      const store = new create.MemoryStore();
      const app = await serve(create, { store, ...options }, routes({ '/end': handler }));
      await app.get();
      store[method] = (_sid: string, ...rest: unknown[]) => (rest.at(-1) as (error: Error) => void)(new Error('boom!'));
      const { status } = await app.get('/end');
      await wait(10);
      return { status, handled: app.errors.map(String), logged: app.warnings.join(), cookies: app.jar.last };
    };

    it('answers 200 if only touch() failed, and logs that; error handlers are called by express-session alone', async () => {
      const read: Handler = (_req, res) => void res.end('read');
      expect(await failing(peer, 'touch', {}, read)).toMatchObject({ status: 200, handled: ['Error: boom!'] });
      const ours = await failing(session, 'touch', {}, read);
      expect(ours).toMatchObject({ status: 200, handled: [] });
      expect(ours.logged).toMatch(/could not be kept alive.*touch\(\) of the session store failed/);
    });

    it("answers 503 if unset: 'destroy' could not destroy, and keeps the cookie", async () => {
      const unset: Handler = (req, res) => {
        req.session = null as never;
        res.end('logged out');
      };
      const options = { unset: 'destroy' };
      expect(await failing(peer, 'destroy', options, unset)).toMatchObject({ status: 200, handled: ['Error: boom!'] });
      const ours = await failing(session, 'destroy', options, unset);
      expect(ours).toMatchObject({ status: 503, handled: [], cookies: [] });
      expect(ours.logged).toMatch(/could not be saved.*destroy\(\) of the session store failed/);
    });
  });

  it('answers if the cookie in a record is no cookie; express-session hangs', async () => {
    const store = new session.MemoryStore();
    const app = await serve(session, { store }, counting);
    await app.get();
    const id = idIn(app.jar.last[0])!;
    for (const cookie of ['no object', null, 7, { maxAge: 'x' }, { expires: 'never' }, undefined]) {
      store.get = (_sid, callback) => callback(null, { cookie, count: 5 } as never);
      expect(await app.text()).toBe('6');
    }
    expect(id).toBeDefined();
  });

  it("lets today's cookie options reach the sessions of yesterday, and what the app set on one session stays with it", async () => {
    const store = new session.MemoryStore();
    const before = await serve(peer, { store, cookie: { maxAge: 60_000, sameSite: 'lax' } }, counting);
    await before.get();
    const after = await serve(
      session,
      { store, rolling: true, cookie: { maxAge: 3_600_000, sameSite: 'strict' } },
      counting,
    );
    expect(await after.text('/', { headers: { cookie: before.jar.header } })).toBe('2');
    const sent = attributes(after.jar.last[0]);
    expect(sent.SameSite).toBe('Strict');
    expect(Date.parse(sent.Expires as string) - Date.now()).toBeGreaterThan(3_500_000);
  });

  it('sends the cookie again if only its lifetime was changed', async () => {
    const app = await serve(
      session,
      {},
      routes({
        '/remember': (req, res) => {
          req.session.cookie.maxAge = 60_000;
          res.end();
        },
      }),
    );
    await app.get();
    await app.get('/remember');
    expect(attributes(app.jar.last[0]).Expires).toBeDefined();
    await app.get('/remember');
    expect(app.jar.last).toEqual([]);
  });

  it('lets save() pass over a session that was ended meanwhile, and writes nothing; keycard() tells', async () => {
    const store = new session.MemoryStore();
    const told: unknown[] = [];
    const app = await serve(
      session,
      { store },
      routes({
        '/work': (req, res) => {
          store.clear(() => {
            req.session.late = true;
            req.session.save((error) => {
              told.push(error ?? null);
              keycard(req.session)
                .save()
                .catch((reason: unknown) => told.push(reason))
                .finally(() => res.end());
            });
          });
        },
      }),
    );
    await app.get();
    await app.get('/work');
    expect(told).toEqual([null, expect.any(SessionStateError)]);
    expect(Object.keys(store.sessions)).toEqual([]);
    expect(app.jar.last).toEqual([]);
  });

  it('refuses a new id once the response has begun', async () => {
    const app = await serve(
      session,
      {},
      routes({
        '/late': (req, res) => {
          res.write('begun ');
          req.session.regenerate((error) => res.end((error as SessionStateError | undefined)?.code));
        },
      }),
    );
    await app.get();
    expect(await app.text('/late')).toBe('begun HEADERS_SENT');
  });

  it('never lets a body forge what the engine knows', async () => {
    const app = await serve(session, {}, (req, res) => {
      try {
        Object.assign(req.session, JSON.parse('{"__keycard":{"p":"admin"}}'));
        res.end('taken');
      } catch (error) {
        res.end((error as Error).name);
      }
    });
    expect(await app.text()).toBe('ReservedKeyError');
  });

  it.each([
    { cookie: { maxAge: Number.POSITIVE_INFINITY } },
    { cookie: { maxAge: Number.NaN } },
    { cookie: { expires: Number.NaN } },
    { cookie: { expires: new Date(Number.NaN) } },
    { cookie: { domain: 'example.com:3000' } },
    { cookie: { sameSite: 'loose' } },
    { cookie: { priority: 'urgent' } },
    { name: 'my session' },
    { secret: 5 },
  ])('refuses at start %j, with which express-session never sets a cookie (#13.25, #13.28)', async (options) => {
    const started = await serve(peer, { saveUninitialized: true, ...options }, counting);
    await started.get();
    expect(started.jar.last).toEqual([]);
    expect(() =>
      session({ secret: 'x', resave: false, saveUninitialized: true, ...(options as { name: string }) }),
    ).toThrow(/^"[a-zA-Z.]+" got .*; (it takes|each secret is) /);
  });

  it('leaves a second res.end() with data to Node, whose error it is, with a session and without (#13.26)', async () => {
    const outcome = async (create: typeof session | undefined): Promise<string> => {
      const codes: unknown[] = [];
      const twice: Handler = (req, res) => {
        res.on('error', (error: Error & { code?: string }) => codes.push(error.code));
        if (req.session) req.session.count = 1;
        res.end('once');
        res.end();
        res.end('twice');
      };
      const express = (await import('express')).default();
      const app = create === undefined ? await listen(express.use(twice as never)) : await serve(create, {}, twice);
      expect(await app.text()).toBe('once');
      await wait(10);
      return codes.join();
    };
    expect(await outcome(peer)).toBe('');
    for (const create of [undefined, session]) expect(await outcome(create)).toBe('ERR_STREAM_WRITE_AFTER_END');
  });

  it.each(['a b', 'ü', 'x'.repeat(257)])(
    'takes no id from genid that a store may not hold: %s (#13.28)',
    async (id) => {
      const outcome = async (create: typeof session): Promise<unknown[]> => {
        const app = await serve(create, { genid: () => id }, counting);
        await app.get();
        return [(await app.get()).status, app.errors.map((error) => (error as Error).name)];
      };
      expect(await outcome(peer)).toEqual([200, []]);
      expect(await outcome(session)).toEqual([500, ['SessionOptionsError', 'SessionOptionsError']]);
    },
  );

  it('leaves Path=/ and HttpOnly if the options say undefined, and takes them away for null (#13.28)', async () => {
    const sent = async (create: typeof session, nothing: null | undefined): Promise<object> => {
      const app = await serve(create, { cookie: { path: nothing, httpOnly: nothing } }, counting);
      await app.get();
      return attributes(app.jar.last[0]);
    };
    for (const nothing of [null, undefined]) expect(await sent(peer, nothing)).toEqual({});
    expect(await sent(session, null)).toEqual({});
    expect(await sent(session, undefined)).toEqual({ Path: '/', HttpOnly: true });
  });

  it('keeps req.sessionID as it is (#13.28)', async () => {
    const outcome = async (create: typeof session): Promise<string> => {
      const app = await serve(create, { saveUninitialized: true }, (req, res) => {
        req.sessionID = 'x';
        res.end(`${req.sessionID === 'x'} ${req.session.id === 'x'}`);
      });
      const text = await app.text();
      return `${text} ${idIn(app.jar.last[0]) === 'x'}`;
    };
    expect(await outcome(peer)).toBe('true false true');
    expect(await outcome(session)).toBe('false false false');
  });

  it('tells who saves a session that regenerate() has replaced, and writes nothing (#13.28)', async () => {
    const outcome = async (create: typeof session): Promise<unknown[]> => {
      const store = new create.MemoryStore();
      const handler: Handler = (req, res) => {
        const { session: old } = req;
        old.regenerate(() => {
          req.session.count = 1;
          old.save((error) => res.end(String((error as { code?: string } | undefined)?.code)));
        });
      };
      const app = await serve(create, { store }, routes({ '/login': handler }));
      await app.get();
      return [await app.text('/login'), Object.keys(store.sessions).length];
    };
    expect(await outcome(peer)).toEqual(['undefined', 2]);
    expect(await outcome(session)).toEqual(['ENDED', 1]);
  });

  it("unsets with false too, which express-session keeps in spite of unset: 'destroy' (#13.28)", async () => {
    const kept = async (create: typeof session): Promise<number> => {
      const store = new create.MemoryStore();
      const app = await serve(
        create,
        { store, unset: 'destroy' },
        routes({ '/unset': (req, res) => ((req.session = false as never), void res.end()) }),
      );
      await app.get();
      await app.get('/unset');
      return Object.keys(store.sessions).length;
    };
    expect([await kept(peer), await kept(session)]).toEqual([1, 0]);
  });

  it('saves under HTTP/2, where express-session throws out of res.end() (#13.28, #12.1)', async () => {
    const outcome = async (create: typeof session): Promise<string> => {
      const handle = create({ secret: 'keyboard cat', resave: false, saveUninitialized: false });
      const server = createServer((req, res) => {
        handle(req as never, res as never, (error) => {
          try {
            if (error) return void res.end(`passed on: ${(error as Error).message}`);
            (req as unknown as Req).session.count = 1;
            res.end('saved');
          } catch (thrown) {
            res.stream.end(`thrown: ${(thrown as Error).message}`);
          }
        });
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const client = connect(`http://127.0.0.1:${(server.address() as { port: number }).port}`);
      const text = await client
        .request()
        .setEncoding('utf8')
        .reduce((all: string, part: string) => all + part, '');
      client.close();
      server.close();
      return text;
    };
    expect(await outcome(peer)).toMatch(/^thrown: /);
    expect(await outcome(session)).toBe('saved');
  });

  describe('calls a store only for what there is to do (#13.28):', () => {
    const called = async (create: typeof session, first: string, handler: Handler, options: object = {}) => {
      const store = new create.MemoryStore();
      const calls: string[] = [];
      const app = await serve(
        create,
        { store, ...options },
        routes({ '/do': handler, '/none': (_req, res) => void res.end() }),
      );
      await app.get(first);
      for (const method of ['set', 'touch', 'destroy'] as const) {
        const original = store[method] as (...parameters: unknown[]) => void;
        store[method] = function (...parameters: unknown[]) {
          calls.push(method);
          original.apply(this, parameters);
        };
      }
      await app.get('/do');
      return { calls: calls.join(), cookies: app.jar.last.length };
    };
    const save: Handler = (req, res) => void req.session.save(() => res.end());

    it('save() of a session that is unchanged is a touch', async () => {
      expect(await called(peer, '/', save)).toMatchObject({ calls: expect.stringContaining('set') });
      expect(await called(session, '/', save)).toMatchObject({ calls: 'touch' });
    });

    it('save() of a new session that is unchanged sends its cookie', async () => {
      expect(await called(peer, '/none', save)).toEqual({ calls: 'set', cookies: 0 });
      expect(await called(session, '/none', save)).toEqual({ calls: 'set', cookies: 1 });
    });

    it.each<[string, Handler, object]>([
      ['destroy()', (req, res) => void req.session.destroy(() => res.end()), {}],
      ['regenerate()', (req, res) => void req.session.regenerate(() => res.end()), {}],
      ["unset: 'destroy'", (req, res) => ((req.session = null as never), void res.end()), { unset: 'destroy' }],
    ])('%s of a session that it never had is no call', async (_what, handler, options) => {
      expect((await called(peer, '/none', handler, options)).calls).toContain('destroy');
      expect((await called(session, '/none', handler, options)).calls).not.toContain('destroy');
    });
  });

  it('bounds a store that never answers', async () => {
    const store = new session.MemoryStore();
    const app = await serve(session, { store, storeTimeout: 50 }, counting);
    await app.get();
    store.get = () => undefined;
    const answer = await app.get();
    expect(answer.status).toBe(503);
  });

  it('sweeps what has expired out of the MemoryStore as new sessions come', async () => {
    const store = new session.MemoryStore();
    const past = { cookie: { expires: new Date(Date.now() - 1), originalMaxAge: 1 } };
    for (let i = 0; i < 5_000; i += 1) store.set(`s${i}`, past as never);
    expect(Object.keys(store.sessions).length).toBeLessThanOrEqual(1_000);
  });
});

describe('keycard(req.session)', () => {
  it('logs in, confirms, updates and logs out', async () => {
    const store = new session.MemoryStore();
    const app = await serve(
      session,
      { store },
      routes({
        '/login': (req, res, next) => {
          keycard(req.session)
            .login('7', { name: 'Ann' } as never)
            .then(() => res.end(), next);
        },
        '/who': (req, res) => {
          const { principal, authenticatedAt, isNew } = keycard(req.session).info;
          res.end(JSON.stringify([principal, authenticatedAt instanceof Date, isNew, req.session.name]));
        },
        '/update': (req, res, next) => {
          keycard<{ n: number }>(req.session)
            .update((draft) => {
              draft.n = (draft.n ?? 0) + 1;
            })
            .then(() => res.end(String(req.session.n)), next);
        },
        '/confirm': (req, res, next) =>
          void keycard(req.session)
            .confirmLogin()
            .then(() => res.end(), next),
        '/logout': (req, res, next) =>
          void keycard(req.session)
            .logout()
            .then(() => res.end(String(req.session)), next),
      }),
    );
    await app.get();
    const guest = app.jar.header;
    await app.get('/login');
    expect(app.jar.header).not.toBe(guest);
    expect(JSON.parse(await app.text('/who'))).toEqual(['7', true, false, 'Ann']);
    expect(
      await Promise.all([app.text('/update'), app.text('/update'), app.text('/update')]).then((all) => all.sort()),
    ).toEqual(['1', '2', '3']);
    await app.get('/confirm');
    expect(JSON.parse(await app.text('/who'))).toEqual(['7', true, false, 'Ann']);
    expect(await app.text('/logout')).toBe('undefined');
    expect(JSON.parse(await app.text('/who'))).toEqual([null, false, true, null]);
  });

  it('knows the user of passport as the principal', async () => {
    const app = await serve(session, {}, (req, res) => {
      if (req.path === '/login') req.session.passport = { user: 'ann' };
      res.end(String(keycard(req.session).info.principal));
    });
    await app.get('/login');
    expect(await app.text()).toBe('ann');
  });

  it('is for sessions of requests', () => {
    expect(() => keycard({})).toThrow(TypeError);
    expect(() => keycard(undefined)).toThrow(TypeError);
  });
});

describe('our own stores and options under session()', () => {
  it('keeps sessions in a SessionStore, and gives req.sessionStore the calls of express-session', async () => {
    const store = new MemoryStore();
    const app = await serve(
      session,
      { store },
      routes({
        '/store': (req, res) => {
          req.sessionStore.get(req.sessionID, (_error, found) => res.end(String(found?.count)));
        },
        '/regenerate': (req, res) => void req.session.regenerate(() => res.end(String(req.session.count))),
      }),
    );
    await app.get();
    await app.get();
    expect(await app.text('/store')).toBe('2');
    expect(await app.text('/regenerate')).toBe('undefined');
    expect(await store.count()).toBe(1);
  });

  it('takes our idle and absolute times', async () => {
    let now = Date.now();
    const clock = { now: () => now };
    const store = new MemoryStore({ clock });
    const app = await serve(session, { store, clock, idleTimeout: '10m', absoluteTimeout: '25m' }, counting);
    await app.get();
    now += 9 * 60_000;
    expect(await app.text()).toBe('2');
    now += 9 * 60_000;
    expect(await app.text()).toBe('3');
    now += 9 * 60_000;
    expect(await app.text()).toBe('1');
  });

  it('lives as long as the cookie that a function decides', async () => {
    let now = Date.now();
    const clock = { now: () => now };
    const store = new MemoryStore({ clock });
    const app = await serve(session, { store, clock, cookie: () => ({ maxAge: 7 * 86_400_000 }) }, counting);
    await app.get();
    now += 6 * 86_400_000;
    expect(await app.text()).toBe('2');
    now += 8 * 86_400_000;
    expect(await app.text('/', { headers: { cookie: app.jar.header } })).toBe('1');
  });

  it('keeps neither user agent nor address unless it is asked to', async () => {
    const store = new session.MemoryStore();
    const app = await serve(session, { store }, counting);
    await app.get();
    expect(Object.values(store.sessions)[0]).not.toContain('127.0.0.1');
    const asked = await serve(session, { store: new session.MemoryStore(), device: true }, (req, res) => {
      req.session.count = 1;
      res.end(keycard(req.session).info.device.ip);
    });
    expect(await asked.text()).toContain('127.0.0.1');
  });

  it('moves an app over and back, with everybody still logged in', async () => {
    const store = new session.MemoryStore();
    const jar = new Jar();
    for (const [create, expected] of [
      [peer, '1'],
      [session, '2'],
      [session, '3'],
      [peer, '4'],
      [session, '5'],
    ] as const) {
      const app = await serve(create, { store, cookie: { maxAge: 60_000 } }, counting);
      expect(await (await jar.fetch(app.url)).text()).toBe(expected);
    }
  });
});
