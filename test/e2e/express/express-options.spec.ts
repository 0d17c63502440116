import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import ours from 'nestjs-keycard/express';
import { attributes, both, type Handler, idIn, serve } from '../../support/express-app.js';

const mark: Handler = (req, res) => {
  req.session.seen = ((req.session.seen as number | undefined) ?? 0) + 1;
  res.end(String(req.session.seen));
};
const read: Handler = (_req, res) => void res.end('read');
const https = { headers: { 'x-forwarded-proto': 'https' } };

describe.each(both)('options of %s', (name, session) => {
  const isOurs = name !== 'express-session';

  describe('cookie', () => {
    it('is Path=/ and HttpOnly by default, and ends with the browser', async () => {
      const app = await serve(session, {}, mark);
      await app.get();
      expect(app.jar.last).toHaveLength(1);
      expect(attributes(app.jar.last[0])).toEqual({ Path: '/', HttpOnly: true });
    });

    it('sends the attributes in the order Domain, Path, Expires, HttpOnly, Secure, Partitioned, Priority, SameSite', async () => {
      const cookie = {
        domain: 'example.com',
        path: '/',
        maxAge: 60_000,
        secure: true,
        partitioned: true,
        priority: 'high',
        sameSite: 'none',
      };
      const app = await serve(session, { cookie, proxy: true }, mark);
      await app.get('/', https);
      expect(Object.keys(attributes(app.jar.last[0]))).toEqual([
        'Domain',
        'Path',
        'Expires',
        'HttpOnly',
        'Secure',
        'Partitioned',
        'Priority',
        'SameSite',
      ]);
    });

    it('may be a function of the request, asked for each', async () => {
      const cookie = (req: IncomingMessage) => ({ path: '/', maxAge: req.url === '/long' ? 3_600_000 : 60_000 });
      const app = await serve(session, { cookie }, mark);
      const life = async (path: string) => {
        app.jar.cookies.clear();
        await app.get(path);
        return Date.parse(attributes(app.jar.last[0]).Expires as string) - Date.now();
      };
      expect(await life('/short')).toBeLessThan(61_000);
      expect(await life('/long')).toBeGreaterThan(3_500_000);
    });

    it('sends the domain that is set', async () => {
      const app = await serve(session, { cookie: { domain: 'example.com' } }, mark);
      await app.get();
      expect(attributes(app.jar.last[0]).Domain).toBe('example.com');
    });

    it('sends a fixed end that is set as expires', async () => {
      const expires = new Date(Date.now() + 7_200_000);
      const app = await serve(session, { cookie: { expires } }, mark);
      await app.get();
      // express-session counts the life that is left from when it was started.
      expect(Math.abs(Date.parse(attributes(app.jar.last[0]).Expires as string) - expires.getTime())).toBeLessThan(
        2_000,
      );
    });

    it('counts Expires from maxAge', async () => {
      const app = await serve(session, { cookie: { maxAge: 60_000 } }, mark);
      await app.get();
      const left = Date.parse(attributes(app.jar.last[0]).Expires as string) - Date.now();
      expect(left).toBeGreaterThan(57_000);
      expect(left).toBeLessThanOrEqual(60_000);
    });

    it('takes the one of expires and maxAge that is named last', async () => {
      const expires = new Date(Date.now() + 7_200_000);
      const first = await serve(session, { cookie: { expires, maxAge: 60_000 } }, mark);
      await first.get();
      expect(Date.parse(attributes(first.jar.last[0]).Expires as string) - Date.now()).toBeLessThan(61_000);
      const second = await serve(session, { cookie: { maxAge: 60_000, expires } }, mark);
      await second.get();
      expect(Date.parse(attributes(second.jar.last[0]).Expires as string) - Date.now()).toBeGreaterThan(7_000_000);
    });

    it('takes a life of ten years and more, a hundred and ten thousand (#13.25)', async () => {
      for (const maxAge of [315_576_000_000, 3_155_760_000_000, 315_576_000_000_000]) {
        const app = await serve(session, { cookie: { maxAge } }, (req, res) => {
          req.session.seen = ((req.session.seen as number | undefined) ?? 0) + 1;
          res.end(String(req.session.seen));
        });
        expect(await app.text()).toBe('1');
        const left = Date.parse(attributes(app.jar.last[0]).Expires as string) - Date.now();
        expect(Math.abs(left - maxAge)).toBeLessThan(5_000);
        expect(await app.text('/', { headers: { cookie: app.jar.header } })).toBe('2');
      }
    });

    it('takes a number for expires as a life in ms (#13.25)', async () => {
      for (const expires of [60_000, 3_600_000]) {
        const app = await serve(session, { cookie: { expires } }, mark);
        expect(await app.text()).toBe('1');
        const left = Date.parse(attributes(app.jar.last[0]).Expires as string) - Date.now();
        expect(left).toBeGreaterThan(expires - 3_000);
        expect(left).toBeLessThanOrEqual(expires);
        expect(await app.text()).toBe('2');
      }
    });

    it.each(['', null])('has a session everywhere, and no Path, if the path is %j (#13.25)', async (path) => {
      const app = await serve(session, { cookie: { path } }, (req, res) => {
        req.session.seen = 1;
        res.end();
      });
      expect((await app.get('/any/where')).status).toBe(200);
      expect(attributes(app.jar.last[0])).toEqual({ HttpOnly: true });
    });

    it('takes null for every attribute as not said (#13.25)', async () => {
      const names = [
        'domain',
        'path',
        'httpOnly',
        'secure',
        'sameSite',
        'priority',
        'partitioned',
        'maxAge',
        'expires',
      ];
      const cookie = Object.fromEntries(names.map((each) => [each, null]));
      for (const given of [cookie, () => cookie]) {
        const app = await serve(session, { cookie: given }, mark);
        expect(await app.text()).toBe('1');
        expect(attributes(app.jar.last[0])).toEqual({});
        expect(await app.text()).toBe('2');
      }
    });

    it('leaves HttpOnly out if it is false', async () => {
      const app = await serve(session, { cookie: { httpOnly: false } }, mark);
      await app.get();
      expect(attributes(app.jar.last[0])).toEqual({ Path: '/' });
    });

    it('sends Partitioned if it is set', async () => {
      const app = await serve(session, { cookie: { partitioned: true, secure: true }, proxy: true }, mark);
      await app.get('/', https);
      expect(attributes(app.jar.last[0]).Partitioned).toBe(true);
    });

    it('sends the path that is set, and has no session elsewhere', async () => {
      const app = await serve(session, { cookie: { path: '/admin' } }, (req, res) => {
        if (req.session) req.session.seen = 1;
        res.end(String(req.session === undefined));
      });
      expect(await app.text('/public')).toBe('true');
      expect(app.jar.last).toEqual([]);
      expect(await app.text('/admin/users')).toBe('false');
      expect(attributes(app.jar.last[0]).Path).toBe('/admin');
    });

    it('finds the path in a target that is a whole URL, as a proxy may be sent it (#13.28)', async () => {
      const app = await serve(
        session,
        { cookie: { path: '/foo' } },
        (req, res) => void res.end(String(req.session !== undefined)),
      );
      const port = Number(new URL(app.url).port);
      const asked = async (target: string): Promise<string> => {
        const request = get({ port, host: '127.0.0.1', path: target });
        const [response] = (await once(request, 'response')) as [IncomingMessage];
        return String(await response.setEncoding('utf8').reduce((all: string, part: string) => all + part, ''));
      };
      const targets = [
        'http://example.com/foo/bar?q=/',
        'https://example.com/foo',
        'http://example.com/bar',
        '//foo/foo',
      ];
      expect(await Promise.all(targets.map(asked))).toEqual(['true', 'true', 'false', 'false']);
    });

    it.each(['low', 'medium', 'high'])('sends the priority %s', async (priority) => {
      const app = await serve(session, { cookie: { priority } }, mark);
      await app.get();
      expect(String(attributes(app.jar.last[0]).Priority).toLowerCase()).toBe(priority);
    });

    it.each([
      [true, 'Strict'],
      ['lax', 'Lax'],
      ['strict', 'Strict'],
      ['none', 'None'],
      [false, undefined],
    ])('sends the sameSite %s as %s', async (sameSite, sent) => {
      const app = await serve(session, { cookie: { sameSite, secure: true }, proxy: true }, mark);
      await app.get('/', https);
      expect(attributes(app.jar.last[0]).SameSite).toBe(sent);
    });

    it("makes sameSite 'auto' None on https and Lax on http", async () => {
      const app = await serve(session, { cookie: { sameSite: 'auto', secure: 'auto' }, proxy: true }, mark);
      await app.get('/', https);
      expect(attributes(app.jar.last[0])).toMatchObject({ SameSite: 'None', Secure: true });
      app.jar.cookies.clear();
      await app.get();
      expect(attributes(app.jar.last[0]).SameSite).toBe('Lax');
    });

    it('sends a secure cookie on https, and none at all on http', async () => {
      const app = await serve(session, { cookie: { secure: true }, proxy: true }, mark);
      await app.get();
      expect(app.jar.last).toEqual([]);
      await app.get('/', https);
      expect(attributes(app.jar.last[0]).Secure).toBe(true);
    });

    it("makes secure 'auto' follow the connection", async () => {
      const app = await serve(session, { cookie: { secure: 'auto' }, proxy: true }, mark);
      await app.get();
      expect(attributes(app.jar.last[0]).Secure).toBeUndefined();
      app.jar.cookies.clear();
      await app.get('/', https);
      expect(attributes(app.jar.last[0]).Secure).toBe(true);
    });
  });

  describe('genid', () => {
    it('makes the ids, and gets the request', async () => {
      const genid = (req: IncomingMessage) => `of-${req.url!.slice(1)}`;
      const app = await serve(session, { genid }, mark);
      await app.get('/me');
      expect(idIn(app.jar.last[0])).toBe('of-me');
    });

    it('is refused if it is no function', () => {
      expect(() => session({ secret: 'x', genid: 'id' as never, resave: false, saveUninitialized: false })).toThrow(
        'genid option must be a function',
      );
    });

    it('tells the error handlers what it throws', async () => {
      const app = await serve(
        session,
        {
          genid: () => {
            throw new Error('no ids today');
          },
        },
        mark,
      );
      expect(await app.text()).toBe('no ids today');
    });
  });

  describe('name', () => {
    it('is connect.sid by default', async () => {
      const app = await serve(session, {}, mark);
      await app.get();
      expect([...app.jar.cookies.keys()]).toEqual(['connect.sid']);
    });

    it('names the cookie that is sent and read', async () => {
      const app = await serve(session, { name: 'card' }, mark);
      expect(await app.text()).toBe('1');
      expect([...app.jar.cookies.keys()]).toEqual(['card']);
      expect(await app.text()).toBe('2');
    });

    it('may be a number (#13.28)', async () => {
      const app = await serve(session, { name: 5 }, mark);
      await app.get();
      expect([...app.jar.cookies.keys()]).toEqual(['5']);
      expect(await app.text()).toBe('2');
    });

    it('goes before its old word, key', async () => {
      const old = await serve(session, { key: 'old' }, mark);
      await old.get();
      expect([...old.jar.cookies.keys()]).toEqual(['old']);
      const app = await serve(session, { name: 'new', key: 'old' }, mark);
      await app.get();
      expect([...app.jar.cookies.keys()]).toEqual(['new']);
    });
  });

  describe('proxy', () => {
    const cookie = { secure: true };

    it('true believes X-Forwarded-Proto, its first word, in any case', async () => {
      const app = await serve(session, { proxy: true, cookie }, mark);
      await app.get('/', { headers: { 'x-forwarded-proto': 'HTTPS, http' } });
      expect(app.jar.last).toHaveLength(1);
      app.jar.cookies.clear();
      await app.get('/', { headers: { 'x-forwarded-proto': 'http, https' } });
      expect(app.jar.last).toHaveLength(0);
    });

    it('false believes nothing but the connection itself', async () => {
      const app = await serve(session, { proxy: false, cookie }, mark, (express) => express.set('trust proxy', true));
      await app.get('/', https);
      expect(app.jar.last).toEqual([]);
    });

    it("left out follows Express' own trust proxy", async () => {
      const trusting = await serve(session, { cookie }, mark, (express) => express.set('trust proxy', true));
      await trusting.get('/', https);
      expect(trusting.jar.last).toHaveLength(1);
      const plain = await serve(session, { cookie }, mark);
      await plain.get('/', https);
      expect(plain.jar.last).toEqual([]);
    });
  });

  describe('resave', () => {
    const countSets = async (options: object, handler: Handler): Promise<number> => {
      const store = new session.MemoryStore();
      const app = await serve(session, { store, ...options }, (req, res, next) =>
        (req.path === '/mark' ? mark : handler)(req, res, next),
      );
      await app.get('/mark');
      let sets = 0;
      const { set } = store;
      store.set = function (...parameters) {
        sets += 1;
        return set.apply(this, parameters);
      };
      await app.get('/');
      return sets;
    };

    it('true writes a session that is unchanged', async () => {
      expect(await countSets({ resave: true }, read)).toBe(1);
    });

    it('false writes a session only if it was changed', async () => {
      expect(await countSets({ resave: false }, read)).toBe(0);
      expect(await countSets({ resave: false }, mark)).toBe(1);
    });

    it('left out means true', async () => {
      expect(await countSets({ resave: undefined }, read)).toBe(1);
    });
  });

  describe('rolling', () => {
    it('true sends the cookie with every response to whom has a session', async () => {
      const app = await serve(session, { rolling: true, cookie: { maxAge: 60_000 } }, (req, res, next) =>
        (req.path === '/mark' ? mark : read)(req, res, next),
      );
      await app.get('/mark');
      await app.get('/read');
      expect(app.jar.last).toHaveLength(1);
      expect(attributes(app.jar.last[0]).Expires).toBeDefined();
    });

    it('true sends it too if the cookie ends with the browser', async () => {
      const app = await serve(session, { rolling: true }, mark);
      await app.get();
      await app.get();
      expect(app.jar.last).toHaveLength(1);
    });

    it('true sends nothing for a session that is new and untouched, with saveUninitialized false', async () => {
      const app = await serve(session, { rolling: true }, read);
      await app.get();
      expect(app.jar.last).toEqual([]);
    });

    it('false sends it again only if a session with a lasting cookie was changed', async () => {
      const both: Handler = (req, res, next) => (req.path === '/read' ? read : mark)(req, res, next);
      const lasting = await serve(session, { cookie: { maxAge: 60_000 } }, both);
      await lasting.get('/mark');
      await lasting.get('/read');
      expect(lasting.jar.last).toEqual([]);
      await lasting.get('/mark');
      expect(lasting.jar.last).toHaveLength(1);
      const passing = await serve(session, {}, both);
      await passing.get('/mark');
      await passing.get('/mark');
      expect(passing.jar.last).toEqual([]);
    });
  });

  describe('saveUninitialized', () => {
    it('true keeps, and sets the cookie for, every visitor', async () => {
      const store = new session.MemoryStore();
      const app = await serve(session, { store, saveUninitialized: true }, read);
      await app.get();
      expect(app.jar.last).toHaveLength(1);
      expect(Object.keys(store.sessions)).toEqual([idIn(app.jar.last[0])]);
    });

    it('false keeps a visitor once his session was changed', async () => {
      const store = new session.MemoryStore();
      const app = await serve(session, { store }, (req, res, next) =>
        (req.path === '/mark' ? mark : read)(req, res, next),
      );
      await app.get();
      expect(app.jar.last).toEqual([]);
      expect(Object.keys(store.sessions)).toEqual([]);
      await app.get('/mark');
      expect(Object.keys(store.sessions)).toHaveLength(1);
    });

    it('left out means true', async () => {
      const app = await serve(session, { saveUninitialized: undefined }, read);
      await app.get();
      expect(app.jar.last).toHaveLength(1);
    });
  });

  describe('secret', () => {
    const signature = (secret: string, id: string) =>
      createHmac('sha256', secret).update(id).digest('base64').replace(/=+$/, '');

    it('signs the id with HMAC-SHA256, whatever its length', async () => {
      const app = await serve(session, { secret: 'k' }, mark);
      await app.get();
      const value = decodeURIComponent(app.jar.cookies.get('connect.sid')!);
      const id = value.slice(2, value.lastIndexOf('.'));
      expect(value).toBe(`s:${id}.${signature('k', id)}`);
    });

    it('may be an array: the first signs, all verify', async () => {
      const store = new session.MemoryStore();
      const before = await serve(session, { store, secret: 'old' }, mark);
      await before.get();
      const after = await serve(session, { store, secret: ['new', 'old'] }, mark);
      expect(await after.text('/', { headers: { cookie: before.jar.header } })).toBe('2');
      const fresh = await serve(session, { store, secret: ['new', 'old'], genid: () => 'one' }, mark);
      await fresh.get();
      expect(decodeURIComponent(fresh.jar.cookies.get('connect.sid')!)).toBe(`s:one.${signature('new', 'one')}`);
    });

    it('may be a Buffer', async () => {
      const app = await serve(session, { secret: Buffer.from('keyboard cat') }, mark);
      await app.get();
      expect(await app.text()).toBe('2');
    });

    it('is refused as an empty array', () => {
      expect(() => session({ secret: [], resave: false, saveUninitialized: false })).toThrow(
        'secret option array must contain one or more strings',
      );
    });

    it('left out is taken from req.secret, as cookie-parser sets it', async () => {
      const app = await serve(session, { secret: undefined }, mark, (express) =>
        express.use(((req: { secret: string }, _res: unknown, next: () => void) => {
          req.secret = 'of the request';
          next();
        }) as never),
      );
      expect(await app.text()).toBe('1');
      expect(await app.text()).toBe('2');
      const value = decodeURIComponent(app.jar.cookies.get('connect.sid')!);
      const id = value.slice(2, value.lastIndexOf('.'));
      expect(value).toBe(`s:${id}.${signature('of the request', id)}`);
    });

    it('left out with no req.secret is an error for the error handlers', async () => {
      const app = await serve(session, { secret: undefined }, mark);
      const answer = await app.get();
      expect(answer.status).toBe(500);
      expect(await answer.text()).toBe('secret option required for sessions');
    });
  });

  describe('store', () => {
    it('holds the sessions', async () => {
      const store = new session.MemoryStore();
      const app = await serve(session, { store }, mark);
      await app.get();
      expect(JSON.parse(store.sessions[idIn(app.jar.last[0])!]!)).toMatchObject({ cookie: { path: '/' }, seen: 1 });
    });

    it('is a MemoryStore by default', async () => {
      const app = await serve(
        session,
        {},
        (req, res) => void res.end(String((req.sessionStore as unknown) instanceof session.MemoryStore)),
      );
      expect(await app.text()).toBe('true');
    });
  });

  describe('unset', () => {
    const unset: Handler = (req, res, next) => {
      if (req.path === '/mark') return mark(req, res, next);
      req.session.seen = 99;
      if (req.path === '/null') req.session = null as never;
      else delete (req as { session?: unknown }).session;
      res.end('unset');
    };

    it.each(['/null', '/delete'])('destroy ends the session at the end of the response (%s)', async (path) => {
      const store = new session.MemoryStore();
      const app = await serve(session, { store, unset: 'destroy' }, unset);
      await app.get('/mark');
      expect(Object.keys(store.sessions)).toHaveLength(1);
      expect(await app.text(path)).toBe('unset');
      expect(Object.keys(store.sessions)).toEqual([]);
    });

    it.each(['/null', '/delete'])(
      'keep leaves the record as it was, and what was changed is not saved (%s)',
      async (path) => {
        const store = new session.MemoryStore();
        const app = await serve(session, { store, unset: 'keep' }, unset);
        await app.get('/mark');
        await app.get(path);
        expect(app.jar.last).toEqual([]);
        expect(await app.text('/mark')).toBe('2');
      },
    );

    it('is refused if it is another word', () => {
      expect(() => session({ secret: 'x', unset: 'drop' as never, resave: false, saveUninitialized: false })).toThrow(
        'unset option must be "destroy" or "keep"',
      );
    });
  });

  if (!isOurs) return;

  it('notes that resave, saveUninitialized and secret were left out', () => {
    const warnings: string[] = [];
    ours({ logger: { warn: (text) => warnings.push(text), error: () => undefined } });
    expect(warnings).toEqual([
      'undefined resave option; provide resave option',
      'undefined saveUninitialized option; provide saveUninitialized option',
      'req.secret; provide secret option',
    ]);
  });

  it('says nothing of a secret under 32 bytes, which apps of express-session have', () => {
    const warnings: string[] = [];
    ours({
      secret: 'cat',
      resave: false,
      saveUninitialized: false,
      logger: { warn: (text) => warnings.push(text), error: () => undefined },
    });
    expect(warnings).toEqual([]);
  });

  it('takes unknown options and cookie options, as express-session does', async () => {
    const app = await serve(ours, { debug: true, cookie: { signed: true, overwrite: true } }, mark);
    await app.get();
    expect(attributes(app.jar.last[0])).toEqual({ Path: '/', HttpOnly: true });
  });
});
