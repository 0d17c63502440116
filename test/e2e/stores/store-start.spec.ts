import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import type { SessionStore } from 'nestjs-keycard';
import { MongoStore } from 'nestjs-keycard/mongo';
import { PostgresStore } from 'nestjs-keycard/postgres';
import { RedisStore } from 'nestjs-keycard/redis';
import { Pool } from 'pg';
import { createClient } from 'redis';
import { storeErrorOf as mongoError } from '../../../lib/stores/mongo/mongo-errors.js';
import { storeError as postgresError } from '../../../lib/stores/postgres/postgres-errors.js';
import { startApp } from '../../support/app.js';
import { DelayingProxy } from '../../support/delaying-proxy.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

/** What docs/stores/redis.md recommends. */
const STRICT = { maxRetriesPerRequest: 1, enableOfflineQueue: false, commandTimeout: 2_000 };

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function starts(store: SessionStore): Promise<void> {
  const app = await startApp([], { store, logger: { warn: () => undefined, error: () => undefined } });
  await app.close();
}

async function proxied(url: string, options: { delay?: number; late?: number }): Promise<string> {
  const proxy = await DelayingProxy.start(url, options);
  ends.push(() => proxy.close());
  return proxy.at(url);
}

function ioredis(url: string, options: typeof STRICT & { lazyConnect?: boolean }): Redis {
  const client = new Redis(url, options);
  client.on('error', () => undefined);
  ends.push(() => client.disconnect());
  return client;
}

const SLOW_SERVERS = [
  ['50 ms away', { delay: 50 }],
  ['that comes up 1 s later', { late: 1_000 }],
] as const;

describeWithServer('redis', (server) => {
  it.each(SLOW_SERVERS)('#13.13 waits for a client that is still connecting to a server %s', async (_, way) => {
    const url = await proxied(server.url, way);
    await starts(new RedisStore({ client: ioredis(url, STRICT) }));
    await starts(new RedisStore({ client: ioredis(url, { ...STRICT, lazyConnect: true }) }));
  });

  it.each(SLOW_SERVERS)('#13.13 waits for its own client, and one of node-redis: a server %s', async (_, way) => {
    await starts(new RedisStore({ url: await proxied(server.url, way) }));
    const client = createClient({ url: await proxied(server.url, way), disableOfflineQueue: true });
    client.on('error', () => undefined);
    ends.push(() => client.destroy());
    void client.connect();
    await starts(new RedisStore({ client }));
  });

  it("#13.13 leaves the app's own listeners on a client of node-redis at work", async () => {
    const client = createClient({ url: server.url });
    ends.push(() => client.destroy());
    void client.connect();
    await starts(new RedisStore({ client }));
    const ended = new Promise((resolve) => client.on('end', () => resolve('heard')));
    await client.close();
    expect(await ended).toBe('heard');
    await client.connect();
  });

  it('#13.14 says that a client was ended, or never connected', async () => {
    const client = ioredis(server.url, STRICT);
    await new Promise((resolve) => client.on('ready', resolve));
    await Promise.all([client.quit(), new Promise<void>((resolve) => client.on('end', resolve))]);
    await expect(starts(new RedisStore({ client }))).rejects.toThrow(
      /The app has ended the client for Redis at .*:\d+/,
    );
    const never = createClient({ url: server.url });
    await expect(starts(new RedisStore({ client: never }))).rejects.toThrow(/isn't connected\. Give RedisStore/);
  });

  it('#13.14 PostgresStore names the host if another service answers', async () => {
    const { host, hostname } = new URL(server.url);
    const store = new PostgresStore({ connectionString: `postgres://someone@${host}/shop` });
    await expect(starts(store)).rejects.toThrow(`PostgreSQL at ${hostname}`);
  });
});

describeWithServer('redis-cluster', (server) => {
  it('#13.13 waits for a cluster whose client is still connecting', async () => {
    const client = new Cluster(server.addresses, {
      enableOfflineQueue: false,
      redisOptions: { maxRetriesPerRequest: 1, commandTimeout: 2_000 },
    });
    ends.push(() => client.disconnect());
    await starts(new RedisStore({ client }));
  });
});

describe('RedisStore', () => {
  it('#13.14 says host, port and the reason if there is no server', async () => {
    // Made when it is needed: a client that has failed for 3 s may wait longer for its next try than a start waits.
    for (const store of [
      () => new RedisStore({ url: 'redis://127.0.0.1:1' }),
      () => new RedisStore({ client: ioredis('redis://127.0.0.1:1', STRICT) }),
    ])
      await expect(starts(store())).rejects.toThrow(/Redis can't be reached: ECONNREFUSED at 127\.0\.0\.1:1\./);
  });

  it('#13.14 says the name of a host that there is not', async () => {
    const store = new RedisStore({ url: 'redis://no-such-host.invalid:6380' });
    await expect(starts(store)).rejects.toThrow(/(ENOTFOUND|EAI_AGAIN) at no-such-host\.invalid:6380/);
  });

  it('#13.14 says so if another service answers', async () => {
    const web = createHttpServer((_, response) => response.end('hello'));
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    ends.push(() => web.close());
    const at = `127.0.0.1:${(web.address() as AddressInfo).port}`;
    await expect(starts(new RedisStore({ url: `redis://${at}` }))).rejects.toThrow(`at ${at}`);
  });
});

describeWithServer('postgres', (server) => {
  it.each(SLOW_SERVERS)('#13.13 waits for a server %s', async (_, way) => {
    const connectionString = await proxied(server.url, way);
    await starts(new PostgresStore({ connectionString }));
    const pool = new Pool({ connectionString: await proxied(server.url, way) });
    ends.push(() => pool.end());
    await starts(new PostgresStore({ pool }));
  });

  it('#13.14 says which database or role there is not', async () => {
    const url = new URL(server.url);
    url.pathname = '/no_such_shop';
    await expect(starts(new PostgresStore({ connectionString: url.href }))).rejects.toThrow(
      /database "no_such_shop" does not exist; create it, or correct the name.*3D000/,
    );
    url.pathname = new URL(server.url).pathname;
    url.username = 'no_such_role';
    await expect(starts(new PostgresStore({ connectionString: url.href }))).rejects.toThrow(
      /role "no_such_role" does not exist|password authentication failed for user "no_such_role"/,
    );
  });
});

describe('PostgresStore', () => {
  it('#13.14 says host, port and the reason if there is no server', async () => {
    const pool = new Pool({ host: '127.0.0.1', port: 1 });
    ends.push(() => pool.end());
    for (const store of [
      new PostgresStore({ connectionString: 'postgres://a@127.0.0.1:1/b' }),
      new PostgresStore({ pool }),
    ])
      await expect(starts(store)).rejects.toThrow('PostgreSQL is not available: ECONNREFUSED at 127.0.0.1:1.');
  });

  it('#13.14 says the name of a host that there is not', async () => {
    const store = new PostgresStore({ connectionString: 'postgres://a:secret@no-such-host.invalid:5433/b' });
    await expect(starts(store)).rejects.toThrow(/(ENOTFOUND|EAI_AGAIN) at no-such-host\.invalid:5433\.$/);
  });

  it.each([
    [
      '28P01',
      'password authentication failed for user "shop"',
      'REFUSED',
      /failed for user "shop"; correct user and password/,
    ],
    ['53300', 'sorry, too many clients already', 'UNAVAILABLE', /too many clients already; raise max_connections/],
    ['57P03', 'the database system is starting up', 'UNAVAILABLE', /the database system is starting up/],
    ['23505', 'duplicate key value', 'REFUSED', /^PostgreSQL refused a query \(SQLSTATE 23505\)\.$/],
  ])('#13.14 puts SQLSTATE %s into words', (code, text, kind, says) => {
    const error = postgresError(Object.assign(new Error(text), { code }), '"session"');
    expect(error).toMatchObject({ code: kind, message: expect.stringMatching(says) });
  });
});

it('#13.14 a client of the app that looks for its server longer than the start waits: its host and port are said', async () => {
  const client = new MongoClient('mongodb://127.0.0.1:1/x');
  ends.push(() => client.close());
  await expect(starts(new MongoStore({ client, timeout: 4_000 }))).rejects.toThrow(
    /MongoDB at 127\.0\.0\.1:1 didn't answer/,
  );
});

describeWithServer('mongo', (server) => {
  it.each(SLOW_SERVERS)('#13.13 waits for a server %s', async (_, way) => {
    const collectionName = uniqueName('start');
    const through = async (): Promise<string> => {
      const url = new URL(await proxied(server.url, way));
      url.searchParams.set('directConnection', 'true');
      return url.href;
    };
    await starts(new MongoStore({ url: await through(), collectionName }));
    const client = new MongoClient(await through());
    ends.push(() => client.close());
    await starts(new MongoStore({ client, collectionName }));
  });
});

describe('MongoStore', () => {
  it.each([
    [
      'where no server is there',
      'mongodb://127.0.0.1:1/x',
      /MongoDB is not available: ECONNREFUSED at 127\.0\.0\.1:1\./,
    ],
    [
      'of a host that there is not',
      'mongodb://no-such-host.invalid:27018/x',
      /(ENOTFOUND|EAI_AGAIN) at no-such-host\.invalid:27018\./,
    ],
  ])('#13.14 says host, port and the reason %s', async (_, url, says) => {
    await expect(starts(new MongoStore({ url }))).rejects.toThrow(says);
  });

  it.each([
    [
      18,
      'AuthenticationFailed',
      /the login is wrong; check user, password and authSource \(AuthenticationFailed, 18\)/,
    ],
    [13, 'Unauthorized', /grant readWrite on it \(Unauthorized, 13\)/],
  ])('#13.14 puts code %d into words, without the command', (code, codeName, says) => {
    const error = mongoError(
      Object.assign(new Error('not authorized to execute command { insert: "secret-id" }'), {
        name: 'MongoServerError',
        code,
        codeName,
      }),
    );
    expect(error).toMatchObject({ code: 'REFUSED', message: expect.stringMatching(says) });
    expect(error.message).not.toContain('secret-id');
  });
});
