import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis, type RedisOptions } from 'ioredis';
import { createConnection, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { createClient } from 'redis';
import { RedisStore } from '../../../lib/stores/redis/index.js';
import { SessionStoreError } from '../../../lib/stores/session-store.error.js';
import { describeWithProgram } from '../../support/servers/available.js';
import type { PrivateServer } from '../../support/servers/process.mjs';
import { startRedis } from '../../support/servers/redis.mjs';

const record = { text: '{"cookie":{},"views":1}', expiresAt: Date.now() + 3_600_000 };

/** Loads all the time, bounding each call as the engine does, and keeps what came of it. */
class Load {
  readonly outcomes: { at: number; error?: unknown }[] = [];
  private going = true;
  private readonly done: Promise<unknown>;

  constructor(store: RedisStore) {
    this.done = Promise.all([0, 1, 2, 3].map(() => this.run(store)));
  }

  async stop(): Promise<void> {
    this.going = false;
    await this.done;
  }

  /** Errors of the store, without the calls that this load gave up on. */
  get errors(): unknown[] {
    return this.outcomes.flatMap(({ error }) => (error === undefined || error === 'given up' ? [] : [error]));
  }

  get failures(): number {
    return this.outcomes.filter(({ error }) => error !== undefined).length;
  }

  async goesOnWithin(ms: number): Promise<boolean> {
    const from = Date.now();
    while (Date.now() < from + ms) {
      if (this.outcomes.some(({ at, error }) => at >= from && error === undefined)) return true;
      await wait(20);
    }
    return false;
  }

  private async run(store: RedisStore): Promise<void> {
    while (this.going) {
      const error = await this.once(store);
      this.outcomes.push(error === undefined ? { at: Date.now() } : { at: Date.now(), error });
      await wait(5);
    }
  }

  private async once(store: RedisStore): Promise<unknown> {
    const bound = new AbortController();
    const load = store.load('kept').then(
      (found) => (found?.text === record.text ? undefined : new Error('The session is lost.')),
      (error: unknown) => error,
    );
    const outcome = await Promise.race([load, wait(700, 'given up', { signal: bound.signal }).catch(() => undefined)]);
    bound.abort();
    return outcome;
  }
}

describeWithProgram('redis', () => {
  let server: PrivateServer;
  const opened: (() => unknown)[] = [];

  const ready = async (store: RedisStore): Promise<RedisStore> => {
    opened.push(() => store.close());
    await store.open();
    await store.destroy('kept');
    await store.create('kept', record);
    return store;
  };
  const given = (options: Omit<RedisOptions, 'replyMapping'> = {}): Redis => {
    const client = new Redis(server.url, options);
    client.on('error', () => undefined);
    opened.unshift(() => client.disconnect());
    return client;
  };
  // As docs/stores/redis.md recommends.
  const retryStrategy = (attempt: number): number => Math.min(attempt * 50, 500);
  const kinds: Record<string, () => Promise<RedisStore>> = {
    'a client of its own': () => ready(new RedisStore({ url: server.url })),
    'an ioredis client that tries often': () => ready(new RedisStore({ client: given({ retryStrategy }) })),
    'an ioredis client that queues for ever': () =>
      ready(
        new RedisStore({ client: given({ retryStrategy, maxRetriesPerRequest: null, enableAutoPipelining: true }) }),
      ),
    'an ioredis client that queues nothing': async () => {
      const client = given({ retryStrategy, enableOfflineQueue: false });
      await once(client, 'ready');
      return ready(new RedisStore({ client }));
    },
    'a node-redis client': async () => {
      const client = createClient({
        url: server.url,
        socket: { reconnectStrategy: (tries) => Math.min(tries * 50, 500) },
      });
      client.on('error', () => undefined);
      await client.connect();
      opened.unshift(() => client.destroy());
      return ready(new RedisStore({ client }));
    },
  };

  const loadOn = async (kind: string): Promise<Load> => {
    const load = new Load(await kinds[kind]!());
    opened.push(() => load.stop());
    return load;
  };

  beforeAll(async () => {
    server = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  });
  afterAll(() => server.stop());
  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close();
  });

  describe.each(Object.keys(kinds))('on %s', (kind) => {
    it.each(['halt', 'kill'] as const)(
      'fails while the server is away, and works within 2 s of its return (%s)',
      async (end) => {
        const load = await loadOn(kind);
        await wait(100);
        await server[end]();
        await wait(1_000);
        await server.restart();
        expect(await load.goesOnWithin(2_000)).toBe(true);
        await load.stop();
        expect(load.failures).toBeGreaterThan(0);
        for (const error of load.errors) expect(error).toBeInstanceOf(SessionStoreError);
      },
    );

    it('works again when a server that was frozen for 3 s thaws', async () => {
      const load = await loadOn(kind);
      await wait(100);
      server.pause();
      await wait(3_000);
      server.resume();
      expect(await load.goesOnWithin(2_000)).toBe(true);
      await load.stop();
      expect(load.failures).toBeGreaterThan(0);
      for (const error of load.errors) expect(error).toMatchObject({ code: 'TIMEOUT' });
    });
  });

  it("leaves it to an app's own ioredis client when it connects again (#14.7)", async () => {
    const client = given({ retryStrategy: () => 1_500, enableOfflineQueue: false });
    await once(client, 'ready');
    const store = await ready(new RedisStore({ client }));
    const reconnecting = once(client, 'reconnecting');
    await server.kill();
    await reconnecting;
    const planned = performance.now() + 1_500;
    let triedAt = 0;
    client.once('connecting', () => (triedAt = performance.now()));
    await server.restart();
    while (triedAt === 0) {
      await store.load('kept').catch(() => undefined);
      await wait(20);
    }
    expect(triedAt).toBeGreaterThan(planned - 100);
    expect(await store.load('kept').catch(() => once(client, 'ready').then(() => store.load('kept')))).toMatchObject({
      text: record.text,
    });
  });

  it('gives up on a frozen server after 2 s if the store made the client itself', async () => {
    const store = await kinds['a client of its own']!();
    server.pause();
    const from = Date.now();
    try {
      await expect(store.load('kept')).rejects.toMatchObject({ name: 'SessionStoreError', code: 'TIMEOUT' });
      // Its client gives the connection up after 5 s.
      expect(Date.now() - from).toBeLessThan(4_500);
    } finally {
      server.resume();
    }
  });

  it('says with the cause that a server is not there', async () => {
    const store = new RedisStore({ url: 'redis://127.0.0.1:1' });
    await expect(store.load('kept')).rejects.toMatchObject({
      name: 'SessionStoreError',
      code: 'UNAVAILABLE',
      cause: expect.any(Error),
    });
    await store.close();
  });

  it('refuses what comes after close(), and leaves a client that it was given open', async () => {
    const client = given();
    const store = new RedisStore({ client });
    await store.open();
    await store.close();
    await store.close();
    const list = async () => {
      for await (const _ of store.list()) return;
    };
    for (const call of [() => store.load('kept'), () => store.count(), () => store.destroy('a'), list]) {
      await expect(call()).rejects.toMatchObject({ name: 'SessionStoreError', code: 'CLOSED' });
    }
    expect(await client.ping()).toBe('PONG');
    await store.open();
    await store.load('kept');
    await store.close();
  });

  it('ends its own connection, whether the server answers or not', async () => {
    const admin = given();
    const own = async () =>
      String(await admin.client('LIST'))
        .split('\n')
        .filter(Boolean).length - 1;
    const store = new RedisStore({ url: server.url });
    await store.open();
    expect(await own()).toBe(1);
    await store.close();
    expect(await own()).toBe(0);

    const stuck = new RedisStore({ url: server.url });
    await stuck.open();
    server.pause();
    const from = Date.now();
    try {
      await stuck.close();
      expect(Date.now() - from).toBeLessThan(4_500);
    } finally {
      server.resume();
    }
  });

  it('takes a session as created whose reply was lost: the client sends the command again', async () => {
    const cut = await CuttingProxy.before(server.port);
    const client = new Redis({ port: cut.port, host: '127.0.0.1', retryStrategy: () => 20 });
    client.on('error', () => undefined);
    opened.unshift(
      () => client.disconnect(),
      () => cut.close(),
    );
    const store = new RedisStore({ client });
    await store.open();
    await store.create('warm', record);
    await store.replace('warm', record, record.text); // The server knows the script from here on.
    const results = { ok: 0, conflict: 0, gone: 0 };
    for (let round = 0; round < 20; round++) {
      const id = `cut${round}`;
      const text = JSON.stringify({ cookie: {}, round });
      cut.nextReply();
      await store.create(id, { ...record, text });
      const { revision } = (await store.load(id))!;
      cut.nextReply();
      // What was done already is not done again: it shows as a conflict whose record is the caller's own.
      const changed = { ...record, text: `${text} ` };
      results[await store.replace(id, changed, revision)] += 1;
      expect((await store.load(id))?.text).toBe(changed.text);
      await store.destroy(id);
    }
    expect(cut.cuts).toBe(40);
    expect(results).toEqual({ ok: 0, conflict: 20, gone: 0 });
    await expect(store.create('warm', { ...record, text: '{"cookie":{},"other":1}' })).rejects.toMatchObject({
      code: 'ID_TAKEN',
    });
  });
});

/** Passes everything on, and on demand cuts the connection in place of the next reply: the server has done its work then. */
class CuttingProxy {
  cuts = 0;
  private armed = false;
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: ReturnType<typeof createServer>) {}

  static async before(port: number): Promise<CuttingProxy> {
    const proxy: CuttingProxy = new CuttingProxy(createServer((client) => proxy.pass(client, port)));
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  nextReply(): void {
    this.armed = true;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private pass(client: Socket, port: number): void {
    const upstream = createConnection(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
    }
    client.on('data', (data) => upstream.write(data));
    upstream.on('data', (data) => {
      if (!this.armed) return void client.write(data);
      this.armed = false;
      this.cuts += 1;
      client.destroy();
      upstream.destroy();
    });
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  }
}
