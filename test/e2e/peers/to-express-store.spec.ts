import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import express from 'express';
import session from 'express-session';
import { Redis } from 'ioredis';
import { CookieSigner } from '../../../lib/cookie/cookie-signer.js';
import { toExpressStore } from '../../../lib/express/to-express-store.js';
import { FileStore } from '../../../lib/stores/file/file.store.js';
import { MemoryStore } from '../../../lib/stores/memory.store.js';
import { MongoStore } from '../../../lib/stores/mongo/index.js';
import { PostgresStore } from '../../../lib/stores/postgres/index.js';
import { RedisStore } from '../../../lib/stores/redis/index.js';
import type { SessionStore } from '../../../lib/stores/session-store.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

interface Made {
  readonly store: SessionStore;
  clean?(): Promise<unknown>;
}
type Data = session.SessionData & { user?: string; cart?: string[] };

/** A browser, as far as one cookie goes. */
class Browser {
  cookie = '';
  setCookies = 0;
  constructor(private readonly url: string) {}

  async call(path: string): Promise<{ status: number; body: unknown }> {
    const reply = await fetch(`${this.url}${path}`, { headers: this.cookie ? { cookie: this.cookie } : {} });
    for (const line of reply.headers.getSetCookie()) {
      this.cookie = line.split(';')[0]!;
      this.setCookies += 1;
    }
    return { status: reply.status, body: await reply.json() };
  }
}

function journey(name: string, make: () => Promise<Made> | Made): void {
  for (const base of ["express-session's Store", 'no base class']) {
    describe(`${name} under express-session, with ${base}`, () => {
      let made: Made;
      let server: Server;
      let url: string;
      let hold: Promise<void> | undefined;
      let held: (() => void) | undefined;

      beforeAll(async () => {
        made = await make();
        const store = base === 'no base class' ? toExpressStore(made.store) : toExpressStore(made.store, session);
        const app = express();
        app.use(
          session({
            secret: 'a secret for tests',
            store,
            resave: false,
            saveUninitialized: false,
            cookie: { maxAge: 60_000 },
          }),
        );
        app.get('/login', (req, res, next) => {
          req.session.regenerate((error) => {
            if (error) return next(error);
            (req.session as unknown as Data).user = 'ada';
            res.json({});
          });
        });
        app.get('/cart/:item', async (req, res) => {
          const data = req.session as unknown as Data;
          data.cart = [...(data.cart ?? []), req.params.item];
          held?.();
          await hold;
          res.json(data.cart);
        });
        app.get('/reload', (req, res, next) =>
          req.session.reload((error) => (error ? next(error) : res.json(req.session))),
        );
        app.get('/save', (req, res, next) => {
          (req.session as unknown as Data).user = 'saved';
          req.session.save((error) => (error ? next(error) : res.json({})));
        });
        app.get('/logout', (req, res, next) => req.session.destroy((error) => (error ? next(error) : res.json({}))));
        app.get('/', (req, res) => res.json({ session: req.session, maxAge: req.session.cookie.maxAge }));
        server = createServer(app).listen(0, '127.0.0.1');
        await once(server, 'listening');
        url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      });
      afterAll(async () => {
        server.close();
        await made.store.clear?.();
        await made.store.close?.();
        await made.clean?.();
      });
      const stored = async () => (await made.store.count?.()) ?? 0;

      it('keeps no session for a visitor who does nothing', async () => {
        const browser = new Browser(url);
        await browser.call('/');
        expect(browser.cookie).toBe('');
        const other = new Browser(url);
        await other.call('/login');
        expect(await stored()).toBe(1);
        await other.call('/logout');
      });

      it('logs in, reads, changes, saves, reloads, regenerates and logs out', async () => {
        const browser = new Browser(url);
        await browser.call('/cart/a');
        const before = browser.cookie;
        await browser.call('/login');
        expect(browser.cookie).not.toBe(before);
        expect((await browser.call('/')).body).toMatchObject({ session: { user: 'ada' } });
        expect((await browser.call('/cart/b')).body).toEqual(['b']);
        expect((await browser.call('/cart/c')).body).toEqual(['b', 'c']);
        const { body } = await browser.call('/');
        expect(body).toMatchObject({ session: { user: 'ada', cart: ['b', 'c'] } });
        // express-session reads its clock twice, and is a ms short now and then.
        expect(
          Math.round((body as { session: { cookie: { originalMaxAge: number } } }).session.cookie.originalMaxAge / 100),
        ).toBe(600);
        expect((body as { maxAge: number }).maxAge).toBeGreaterThan(50_000);
        expect((await browser.call('/reload')).body).toMatchObject({ user: 'ada', cart: ['b', 'c'] });
        await browser.call('/save');
        expect((await browser.call('/')).body).toMatchObject({ session: { user: 'saved' } });
        expect(await stored()).toBe(1);
        await browser.call('/logout');
        expect(await stored()).toBe(0);
        expect((await browser.call('/')).body).not.toHaveProperty('session.user');
      });

      it('does not undo a logout by a request that was at work meanwhile', async () => {
        const browser = new Browser(url);
        await browser.call('/login');
        let release = (): void => undefined;
        hold = new Promise((resolve) => (release = resolve));
        const atWork = new Promise<void>((resolve) => (held = resolve));
        const late = browser.call('/cart/late');
        await atWork;
        expect((await browser.call('/logout')).status).toBe(200);
        release();
        expect((await late).status).toBe(200);
        hold = held = undefined;
        expect(await stored()).toBe(0);
        expect((await browser.call('/')).body).not.toHaveProperty('session.user');
      });
    });
  }
}

journey('MemoryStore', () => ({ store: new MemoryStore() }));
journey('FileStore', async () => {
  const path = await mkdtemp(join(tmpdir(), 'keycard-express-'));
  return { store: new FileStore({ path }), clean: () => rm(path, { recursive: true }) };
});
describeWithServer('redis', (server) =>
  journey('RedisStore', () => {
    const client = new Redis(server.url);
    return { store: new RedisStore({ client, prefix: `${uniqueName()}:` }), clean: () => client.quit() };
  }),
);
describeWithServer('postgres', (server) =>
  journey('PostgresStore', () => ({
    store: new PostgresStore({ connectionString: server.url, tableName: uniqueName('express') }),
  })),
);
describeWithServer('mongo', (server) =>
  journey('MongoStore', () => ({
    store: new MongoStore({ url: server.url, collectionName: uniqueName('express'), pruneInterval: false }),
  })),
);

describe('a record of which only a part is wrong, under express-session', () => {
  it.each([
    ['a text as originalMaxAge', '{"originalMaxAge":"an hour","expires":null}'],
    ['a maxAge that is a text', '{"maxAge":"x"}'],
    ['an end that is no date', '{"originalMaxAge":null,"expires":"soon"}'],
    ['an end that is an object', '{"originalMaxAge":null,"expires":{}}'],
    ['a cookie that is a list', '[1]'],
    ['no cookie', 'null'],
    ['texts that would break a header', '{"path":"/\\r\\nSet-Cookie: a=1","domain":"; HttpOnly","sameSite":7}'],
  ])('never hangs a request, and is the session: %s', async (_, cookie) => {
    for (const base of [undefined, session] as const) {
      const inner = new MemoryStore();
      const app = express();
      app.use(
        session({
          secret: 'x',
          store: toExpressStore(inner, base as never),
          resave: true,
          saveUninitialized: false,
          rolling: true,
        }),
      );
      app.get('/', (req, res) => void res.json((req.session as Data).user ?? null));
      const server = createServer(app).listen(0, '127.0.0.1');
      await once(server, 'listening');
      await inner.create('odd', { text: `{"cookie":${cookie},"user":"ada"}`, expiresAt: Date.now() + 60_000 });
      const card = `connect.sid=${encodeURIComponent(new CookieSigner(['x']).sign('odd'))}`;
      const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, {
        headers: { cookie: card },
        signal: AbortSignal.timeout(5_000),
      });
      expect([answer.status, await answer.json()]).toEqual([200, 'ada']);
      server.close();
      await inner.close();
    }
  });
});
