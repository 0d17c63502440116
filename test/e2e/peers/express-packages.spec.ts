import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RedisStore as ConnectRedis } from 'connect-redis';
import { csrfSync } from 'csrf-sync';
import express, { type Express } from 'express';
import passport from 'passport';
import { Strategy as LocalStrategy } from 'passport-local';
import { Pool } from 'pg';
import { createClient } from 'redis';
import { afterEach, describe, expect, it } from '@jest/globals';
import session from 'nestjs-keycard/express';
import { both, idIn, listen, type Req, type Served, type SessionFactory } from '../../support/express-app.js';
import { makeSchema } from '../../support/postgres-schema.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

type StoreClass = new (options: object) => object;
const require = createRequire(import.meta.url);
const flash = require('connect-flash') as () => express.RequestHandler;
const Memorystore = (require('memorystore') as (from: unknown) => StoreClass)(session);
const PgSimple = (require('connect-pg-simple') as (from: unknown) => StoreClass)(session);
const FileStore = (require('session-file-store') as (from: unknown) => StoreClass)(session);

interface Person {
  readonly id: number;
  readonly name: string;
}
const people: readonly Person[] = [
  { id: 7, name: 'ann' },
  { id: 8, name: 'bob' },
];

/** An app with passport, as its guide has it. */
function passportApp(create: SessionFactory, options: object = {}): Express {
  const authenticator = new passport.Passport();
  authenticator.use(
    new LocalStrategy((name, password, done) => {
      const person = people.find((each) => each.name === name);
      done(null, password === 'right' && person ? person : false);
    }),
  );
  authenticator.serializeUser((user, done) => done(null, (user as Person).id));
  authenticator.deserializeUser((id: number, done) => done(null, people.find((each) => each.id === id) ?? false));
  const app = express();
  app.use(express.urlencoded({ extended: false }));
  app.use(create({ secret: 'keyboard cat', resave: false, saveUninitialized: false, ...options }) as never);
  app.use(authenticator.session());
  app.post('/login', (req, res, next) => {
    const keepSessionInfo = req.query.keep === '1';
    authenticator.authenticate('local', { keepSessionInfo, failureRedirect: '/denied', successRedirect: '/' })(
      req,
      res,
      next,
    );
  });
  app.post('/logout', (req, res, next) => {
    req.logout({ keepSessionInfo: req.query.keep === '1' }, (error) => (error ? next(error) : res.redirect('/')));
  });
  app.get('/cart', (req, res) => {
    const live = (req as unknown as Req).session;
    live.cart = [...((live.cart as string[] | undefined) ?? []), 'book'];
    res.json(live.cart);
  });
  app.get('/', (req, res) => {
    res.json({
      user: (req.user as Person | undefined)?.name ?? null,
      cart: (req as unknown as Req).session.cart ?? null,
    });
  });
  return app;
}

const form = (body: Record<string, string>): RequestInit => ({ method: 'POST', body: new URLSearchParams(body) });
const right = form({ username: 'ann', password: 'right' });
const json = async (app: Served, path = '/') => JSON.parse(await app.text(path)) as unknown;

describe.each(both)('packages for express-session, on %s', (_name, create) => {
  describe('passport 0.7 and passport-local', () => {
    it('log in, are remembered, and log out, each under a new id', async () => {
      const store = new create.MemoryStore();
      const app = await listen(passportApp(create, { store }));
      await app.get('/cart');
      const guest = idIn(app.jar.last[0])!;
      const login = await app.get('/login', right);
      expect(login.status).toBe(302);
      const member = idIn(app.jar.last[0])!;
      expect(member).not.toBe(guest);
      expect(Object.keys(store.sessions)).toEqual([member]);
      expect(await json(app)).toEqual({ user: 'ann', cart: null });
      await app.get('/logout', { method: 'POST' });
      expect(idIn(app.jar.last[0])).not.toBe(member);
      expect(member in store.sessions).toBe(false);
      expect(await json(app)).toEqual({ user: null, cart: null });
    });

    it('turn a wrong password away', async () => {
      const app = await listen(passportApp(create));
      const answer = await app.get('/login', form({ username: 'ann', password: 'wrong' }));
      expect(answer.headers.get('location')).toBe('/denied');
      expect(app.jar.last).toEqual([]);
    });

    it('keep what the guest had with keepSessionInfo, at login and at logout', async () => {
      const app = await listen(passportApp(create));
      await app.get('/cart');
      await app.get('/login?keep=1', right);
      expect(await json(app)).toEqual({ user: 'ann', cart: ['book'] });
      await app.get('/logout?keep=1', { method: 'POST' });
      expect(await json(app)).toEqual({ user: null, cart: ['book'] });
    });
  });

  it('connect-flash shows a message once', async () => {
    const app = express();
    app.use(create({ secret: 'x', resave: false, saveUninitialized: false }) as never, flash());
    app.get('/set', (req, res) => {
      (req as unknown as { flash(type: string, message: string): void }).flash('info', 'saved');
      res.redirect('/show');
    });
    app.get('/show', (req, res) => void res.json((req as unknown as { flash(type: string): string[] }).flash('info')));
    const served = await listen(app);
    await served.get('/set');
    expect(await json(served, '/show')).toEqual(['saved']);
    expect(await json(served, '/show')).toEqual([]);
  });

  it('csrf-sync takes its own token, and no other', async () => {
    const { generateToken, csrfSynchronisedProtection } = csrfSync();
    const app = express();
    app.use(create({ secret: 'x', resave: false, saveUninitialized: false }) as never);
    app.get('/token', (req, res) => void res.end(generateToken(req)));
    app.post('/', csrfSynchronisedProtection, (_req, res) => void res.end('done'));
    app.use(((
      error: { statusCode: number },
      _req: unknown,
      res: { statusCode: number; end(): void },
      _next: unknown,
    ) => {
      res.statusCode = error.statusCode;
      res.end();
    }) as never);
    const served = await listen(app);
    const token = await served.text('/token');
    const send = async (value: string) =>
      (await served.get('/', { method: 'POST', headers: { 'x-csrf-token': value } })).status;
    expect(await send(token)).toBe(200);
    expect(await send('forged')).toBe(403);
  });
});

/** The whole way of a visitor, on a store. */
async function visit(store: object, options: object = {}): Promise<Served> {
  const app = await listen(passportApp(session, { store, cookie: { maxAge: 60_000 }, ...options }));
  await app.get('/cart');
  expect(await json(app, '/cart')).toEqual(['book', 'book']);
  await app.get('/login?keep=1', right);
  expect(await json(app)).toEqual({ user: 'ann', cart: ['book', 'book'] });
  return app;
}

async function leave(app: Served): Promise<void> {
  await app.get('/logout', { method: 'POST' });
  expect(await json(app)).toEqual({ user: null, cart: null });
}

describe('stores for express-session under nestjs-keycard/express', () => {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  it('memorystore', async () => {
    const store = new Memorystore({ checkPeriod: 60_000 }) as { stopInterval(): void };
    closing.push(() => store.stopInterval());
    await leave(await visit(store));
  });

  it('session-file-store, with as many files as there are sessions', async () => {
    const path = await mkdtemp(join(tmpdir(), 'keycard-file-'));
    closing.push(() => rm(path, { recursive: true }));
    const app = await visit(new FileStore({ path, reapInterval: -1, logFn: () => undefined }));
    expect(await readdir(path)).toHaveLength(1);
    await leave(app);
  });

  it('session-file-store: a new session waits for no retries of reading a file that is not there', async () => {
    const path = await mkdtemp(join(tmpdir(), 'keycard-file-'));
    closing.push(() => rm(path, { recursive: true }));
    const store = new FileStore({ path, reapInterval: -1, logFn: () => undefined }) as {
      get(...parameters: unknown[]): void;
    };
    let reads = 0;
    const { get } = store;
    store.get = function (...parameters) {
      reads += 1;
      get.apply(this, parameters);
    };
    const app = await listen(passportApp(session, { store }));
    await app.get('/cart');
    expect(reads).toBe(0);
  });

  describeWithServer('redis', (server) => {
    it('connect-redis', async () => {
      const client = createClient({ url: server.url });
      await client.connect();
      const store = new ConnectRedis({ client, prefix: `${uniqueName()}:` });
      closing.push(async () => {
        await store.clear();
        client.destroy();
      });
      const app = await visit(store);
      expect(await store.length()).toBe(1);
      const [session] = (await store.all()) as { passport: unknown }[];
      expect(session!.passport).toEqual({ user: 7 });
      await leave(app);
    });
  });

  describeWithServer('postgres', (server) => {
    it('connect-pg-simple', async () => {
      const pool = new Pool({ connectionString: server.url, max: 3 });
      const { schemaName, drop } = await makeSchema(pool);
      closing.push(drop, () => pool.end());
      const app = await visit(
        new PgSimple({ pool, schemaName, createTableIfMissing: true, pruneSessionInterval: false }),
      );
      const { rows } = await pool.query<{ sess: { passport: unknown } }>(`SELECT sess FROM ${schemaName}.session`);
      expect(rows.map((each) => each.sess.passport)).toEqual([{ user: 7 }]);
      await leave(app);
    });
  });
});
