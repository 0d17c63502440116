import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { Controller, Get, Module, Post, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { afterEach, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { Pool } from 'pg';
import {
  MemoryStore,
  Session,
  SessionGuard,
  SessionHealthIndicator,
  SessionModule,
  type SessionModuleOptions,
  type SessionRecord,
  SessionStore,
  SessionStoreError,
  type StoredSession,
  type WriteResult,
} from 'nestjs-keycard';
import { MongoStore } from 'nestjs-keycard/mongo';
import { PostgresStore } from 'nestjs-keycard/postgres';
import { RedisStore } from 'nestjs-keycard/redis';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { SECRET, startApp, type TestApp } from '../../support/app.js';

/** A store whose server can be away, or silent. */
class FickleStore extends MemoryStore {
  mood: 'well' | 'away' | 'silent' = 'well';
  readonly calls: string[] = [];

  override load(id: string): Promise<StoredSession | undefined> {
    if (this.mood === 'silent') return new Promise(() => {});
    if (this.mood === 'away')
      return Promise.reject(new SessionStoreError('UNAVAILABLE', 'connect ECONNREFUSED 10.0.0.5:6379'));
    return super.load(id);
  }
  override create(id: string, record: SessionRecord): Promise<void> {
    this.calls.push('create');
    return super.create(id, record);
  }
  override async close(): Promise<void> {
    this.calls.push('close');
    await super.close();
  }
}

/** One of somebody else's, with no more than the contract asks for. */
class PlainStore extends SessionStore {
  asked = 0;
  constructor(private readonly fails?: Error) {
    super();
  }
  load(): Promise<StoredSession | undefined> {
    this.asked += 1;
    return this.fails === undefined ? Promise.resolve(undefined) : Promise.reject(this.fails);
  }
  create = (): Promise<void> => Promise.resolve();
  replace = (): Promise<WriteResult> => Promise.resolve('gone');
  destroy = (): Promise<WriteResult> => Promise.resolve('gone');
}

let slow: { arrived: Promise<void>; go: () => void; reached: () => void; wait: Promise<void> };
function prepareSlow(): void {
  let reached!: () => void;
  let go!: () => void;
  const arrived = new Promise<void>((resolve) => (reached = resolve));
  const wait = new Promise<void>((resolve) => (go = resolve));
  slow = { arrived, go, reached, wait };
}

@Controller()
class AppController {
  constructor(private readonly health: SessionHealthIndicator) {}

  @Get('health')
  check() {
    return this.health.isHealthy();
  }

  @Post('slow')
  async slow(@Session() session: Session) {
    slow.reached();
    await slow.wait;
    session.done = true;
    return {};
  }

  @Get('private')
  @UseGuards(SessionGuard)
  secret() {
    return {};
  }
}

let running: TestApp | undefined;
const quiet = { warn: () => {}, error: () => {} };
async function start(store: SessionStore, options: Partial<SessionModuleOptions> = {}): Promise<TestApp> {
  running = await startApp([AppController], { store, logger: quiet, ...options });
  return running;
}
afterEach(async () => {
  await running?.close();
  running = undefined;
});

describe('SessionHealthIndicator', () => {
  it('says up, under the key that it is given, in the shape of terminus', async () => {
    const { app, url } = await start(new FickleStore());
    const indicator = app.get(SessionHealthIndicator);
    expect(await indicator.isHealthy('cards')).toEqual({
      cards: { status: 'up', store: 'FickleStore', responseTime: expect.any(Number) },
    });
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ sessions: { status: 'up' } });
  });

  it('says down if the store fails, and neither host nor port', async () => {
    const store = new FickleStore();
    const { app } = await start(store);
    store.mood = 'away';
    const result = await app.get(SessionHealthIndicator).isHealthy();
    expect(result).toEqual({
      sessions: { status: 'down', store: 'FickleStore', reason: 'UNAVAILABLE', message: 'The session store failed.' },
    });
  });

  it('does not wait longer than it is told for a store that is silent', async () => {
    const store = new FickleStore();
    const { app } = await start(store, { storeTimeout: '30s' });
    store.mood = 'silent';
    const from = performance.now();
    const result = await app.get(SessionHealthIndicator).isHealthy('sessions', { timeout: 50 });
    expect(performance.now() - from).toBeLessThan(10_000);
    expect(result.sessions).toMatchObject({
      status: 'down',
      reason: 'TIMEOUT',
      message: "The session store didn't answer within 50 ms.",
    });
    store.mood = 'well';
    expect((await app.get(SessionHealthIndicator).isHealthy()).sessions.status).toBe('up');
  });

  it('writes nothing, and finds nothing', async () => {
    const store = new FickleStore();
    const { app } = await start(store);
    await app.get(SessionHealthIndicator).isHealthy();
    expect(store.calls).toEqual([]);
    expect(await store.count()).toBe(0);
  });
});

describe('shutting down', () => {
  it('closes the store once, after the requests that were in flight have been answered and saved', async () => {
    prepareSlow();
    const store = new FickleStore();
    const { app, url } = await start(store);
    // Kept alive, the connection would hold Fastify's close() up for its 72 s, with sessions or without.
    const answer = fetch(`${url}/slow`, { method: 'POST', headers: { connection: 'close' } });
    await slow.arrived;
    const closing = app.close();
    expect(store.calls).toEqual([]);
    // The server takes nobody new by now, so the shutdown is under way while the request is.
    await expect(fetch(`${url}/health`, { headers: { connection: 'close' } })).rejects.toThrow();
    expect(store.calls).toEqual([]);
    slow.go();
    expect((await answer).status).toBe(201);
    await closing;
    running = undefined;
    expect(store.calls).toEqual(['create', 'close']);
  });
});

describe('starting', () => {
  const bootstrap = async (store: SessionStore): Promise<Error> => {
    const builder = Test.createTestingModule({
      imports: [SessionModule.forRoot({ secret: SECRET, store, logger: quiet, storeTimeout: 500 })],
    });
    const app = (await builder.compile()).createNestApplication({ logger: false });
    try {
      await app.init();
    } catch (error) {
      return error as Error;
    }
    await app.close();
    throw new Error('the app has started');
  };

  it('asks a store that has no open() for a session that is not there', async () => {
    const store = new PlainStore();
    await start(store);
    expect(store.asked).toBe(1);
  });

  it('says what a store can not do', async () => {
    const said: string[] = [];
    await start(new PlainStore(), { logger: { ...quiet, warn: (text) => void said.push(text) } });
    expect(said).toEqual([expect.stringContaining("PlainStore) can't list sessions")]);
  });

  it('fails in one sentence if such a store fails', async () => {
    const error = await bootstrap(new PlainStore(new Error('no route to host')));
    expect(error).toBeInstanceOf(SessionStoreError);
    expect(error.message).toBe(
      "The session store (PlainStore) doesn't answer, so the app can't start: The session store failed: no route to host.",
    );
    expect(error.cause).toBeDefined();
  });

  it('keeps waiting for a store that answers, but takes its time to open', async () => {
    class SlowToOpen extends MemoryStore {
      override open(): Promise<void> {
        return new Promise((resolve) => setTimeout(resolve, 3_200));
      }
    }
    const said: string[] = [];
    await start(new SlowToOpen(), { logger: { ...quiet, warn: (text) => void said.push(text) } });
    expect(said).toEqual([expect.stringContaining('is still opening')]);
  });

  describe.each([
    ['refuses', undefined],
    ['never answers', 'silent'],
  ])('with a server that %s', (_title, silent) => {
    const servers: Server[] = [];
    afterEach(() => servers.splice(0).forEach((server) => server.close()));

    /** A port where nobody listens, or where nobody says a word. */
    async function deadPort(): Promise<number> {
      // One that was free a moment ago may be another's by then.
      if (silent === undefined) return 1;
      const sockets = new Set<{ destroy(): void }>();
      const server = createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => {});
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as { port: number };
      server.on('close', () => {});
      const close = server.close.bind(server);
      server.close = () => {
        for (const socket of sockets) socket.destroy();
        return close();
      };
      servers.push(server);
      return port;
    }

    it.each([
      ['RedisStore', (port: number) => new RedisStore({ url: `redis://127.0.0.1:${port}` })],
      [
        'PostgresStore',
        (port: number) => new PostgresStore({ connectionString: `postgres://someone@127.0.0.1:${port}/nothing` }),
      ],
      ['MongoStore', (port: number) => new MongoStore({ url: `mongodb://127.0.0.1:${port}/nothing` })],
    ])('%s: the bootstrap fails within seconds, with one sentence', async (name, create) => {
      const store = create(await deadPort());
      const from = performance.now();
      const error = await bootstrap(store);
      expect(performance.now() - from).toBeLessThan(8_000);
      expect(error.message).toMatch(
        new RegExp(`^The session store \\(${name}\\) doesn't answer, so the app can't start: [^\\n]+\\.$`),
      );
      expect(error).toMatchObject({ name: 'SessionStoreError', code: 'UNAVAILABLE' });
    });

    const clients: [string, (port: number) => { store: SessionStore; end: () => void }][] = [
      [
        'an ioredis client',
        (port) => {
          const client = new Redis({ port, host: '127.0.0.1' });
          client.on('error', () => {});
          return { store: new RedisStore({ client }), end: () => client.disconnect() };
        },
      ],
      [
        'a MongoClient',
        (port) => {
          const client = new MongoClient(`mongodb://127.0.0.1:${port}/nothing`);
          return { store: new MongoStore({ client }), end: () => void client.close(true) };
        },
      ],
      [
        'a pg pool',
        (port) => {
          const pool = new Pool({ host: '127.0.0.1', port, user: 'someone', database: 'nothing' });
          return { store: new PostgresStore({ pool }), end: () => void pool.end() };
        },
      ],
    ];
    // Each where it is the more patient: the first two retry a refusal, a pool waits for an answer for ever.
    it.each(silent === undefined ? clients.slice(0, 2) : clients.slice(2))(
      '%s of the app, with its own patience: just so',
      async (_name, create) => {
        const { store, end } = create(await deadPort());
        const from = performance.now();
        const error = await bootstrap(store);
        end();
        expect(performance.now() - from).toBeLessThan(8_000);
        expect(error.message).toMatch(/^The session store \(\w+\) doesn't answer, so the app can't start: [^\n]+\.$/);
      },
    );
  });

  it("rejects NestFactory's app as well, so that the process ends", async () => {
    @Module({
      imports: [SessionModule.forRoot({ secret: SECRET, store: new PlainStore(new Error('away')), logger: quiet })],
    })
    class AppModule {}
    const app = await NestFactory.create(AppModule, { logger: false });
    await expect(app.listen(0, '127.0.0.1')).rejects.toThrow("doesn't answer");
  });
});
