import { join } from 'node:path';
import { WsAdapter } from '@nestjs/platform-ws';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { Pool } from 'pg';
import { createClient, createCluster } from 'redis';
import {
  MemoryStore,
  type SessionBus,
  type SessionModuleOptions,
  SessionRegistry,
  type SessionStore,
} from 'nestjs-keycard';
import { PostgresStore } from 'nestjs-keycard/postgres';
import { RedisStore } from 'nestjs-keycard/redis';
import { withSessions } from 'nestjs-keycard/websockets';
import { SessionManager } from '../../../../lib/session-manager.js';
import { watchOf } from '../../../../lib/signal/session-watch.js';
import { Jar, post, startApp, type TestApp } from '../../../support/app.js';
import { type CompiledLib, compileLib } from '../../../support/compile-lib.js';
import { type GatewayClient, gatewayTransports } from '../../../support/gateway-client.js';
import { LoginController } from '../../../support/login-app.js';
import { describeWithServer, type SharedServer, uniqueName } from '../../../support/servers/available.js';
import { isHeard } from '../../../support/watching.js';
import { WhoGateway } from '../../../support/who-gateway.js';
import { WorkerProcess } from '../../../support/worker-process.js';

const { connect } = gatewayTransports.find(({ name }) => name === 'ws')!;
const servers: TestApp[] = [];
const clients: GatewayClient[] = [];
const cleanUps: (() => unknown)[] = [];
let logged: string[] = [];

const start = async (
  store: SessionStore,
  revalidate = '1h',
  options: Partial<SessionModuleOptions> = {},
): Promise<TestApp> => {
  const logger = { warn: (message: string) => void logged.push(message), error: () => undefined };
  const server = await startApp(
    [LoginController],
    { store, logger, ...options },
    {
      providers: [WhoGateway],
      before: (app) => app.useWebSocketAdapter(withSessions(app, new WsAdapter(app), { revalidate })),
    },
  );
  servers.push(server);
  return server;
};
const open = async (server: TestApp, id: string): Promise<GatewayClient> => {
  const jar = new Jar();
  await jar.fetch(`${server.url}/login`, post({ id }));
  const client = await connect(server.url, { cookie: jar.header });
  clients.push(client);
  return client;
};
const revokeAll = (server: TestApp, id: string) => server.app.get(SessionRegistry).revokeAll(id);

afterEach(async () => {
  logged = [];
  for (const client of clients.splice(0)) client.close();
  for (const server of servers.splice(0)) await server.close();
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

/** An end in one app closes sockets in another, which would look for it in an hour. */
function tellsOthers(title: string, make: () => SessionStore | Promise<SessionStore>): void {
  it(`${title}: an end closes sockets in another process at once, and no others (#15.4)`, async () => {
    const [here, elsewhere] = [await start(await make()), await start(await make())];
    const [one, two, other] = [await open(here, '7'), await open(here, '7'), await open(here, '8')];
    await isHeard(here);
    await revokeAll(elsewhere, '7');
    expect(await Promise.all([one.closed, two.closed])).toEqual([4401, 4401]);
    expect(await other.ask('who')).toEqual({ principal: '8' });
    expect(logged).toEqual([]);
  });
}

function inTwoProcesses(name: 'redis' | 'postgres', server: SharedServer, make: (space: string) => SessionStore): void {
  describe('two processes', () => {
    let lib: CompiledLib;
    beforeAll(async () => {
      lib = await compileLib();
    });
    afterAll(() => lib.remove());

    it('revokeAll() in one closes 200 sockets of that principal in the other within 1 s, and leaves the others (#15)', async () => {
      const space = uniqueName('bus');
      const here = await start(make(space));
      const theirs = [];
      for (let n = 0; n < 200; n += 1) theirs.push(await open(here, '7'));
      const other = await open(here, '8');
      await isHeard(here);
      const script = join(import.meta.dirname, '../../../support/revoke-worker.mjs');
      const worker = new WorkerProcess(script, [lib.path, name, server.url, space, '7']);
      await worker.hear('ready');
      const closed = Promise.all(theirs.map((client) => client.closed));
      worker.say('go');
      expect(await worker.hear('ended')).toBe('200');
      const endedAt = performance.now();
      expect(new Set(await closed)).toEqual(new Set([4401]));
      expect(performance.now() - endedAt).toBeLessThan(1_000);
      expect(await other.ask('who')).toEqual({ principal: '8' });
      await worker.end();
    }, 60_000);
  });
}

describeWithServer('redis', (server) => {
  const prefix = (): string => `${uniqueName('bus')}:`;
  let shared = prefix();
  afterEach(() => {
    shared = prefix();
  });

  tellsOthers('a URL', () => new RedisStore({ url: server.url, prefix: shared }));
  tellsOthers('ioredis, with a key prefix', () => {
    const client = new Redis(server.url, { keyPrefix: 'app:' });
    cleanUps.push(() => client.disconnect());
    return new RedisStore({ client, prefix: shared });
  });
  tellsOthers('node-redis', async () => {
    const client = await createClient({ url: server.url }).connect();
    cleanUps.push(() => client.destroy());
    return new RedisStore({ client, prefix: shared });
  });
  inTwoProcesses('redis', server, (space) => new RedisStore({ url: server.url, prefix: space }));

  it('a connection that was lost is made again, and what was missed is looked for (#15.4)', async () => {
    const make = () => new RedisStore({ url: server.url, prefix: shared });
    const [here, silent] = [await start(make()), await start(make(), '1h', { bus: false })];
    const client = await open(here, '7');
    await isHeard(here);
    await revokeAll(silent, '7');
    const admin = new Redis(server.url);
    cleanUps.push(() => admin.disconnect());
    await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    expect(await client.closed).toBe(4401);
    const second = await open(here, '7');
    await isHeard(here);
    await revokeAll(await start(make()), '7');
    expect(await second.closed).toBe(4401);
  });

  it('without a bus sockets end within "revalidate" (#15.4)', async () => {
    const make = () => new RedisStore({ url: server.url, prefix: shared });
    const [here, elsewhere] = [await start(make(), '1s', { bus: false }), await start(make())];
    const client = await open(here, '7');
    await revokeAll(elsewhere, '7');
    expect(await client.closed).toBe(4401);
  });

  it('a user that may not publish or subscribe is logged once, and sockets end within "revalidate" (#15.4)', async () => {
    const admin = new Redis(server.url);
    const user = uniqueName('deaf');
    await admin.call('ACL', 'SETUSER', user, 'on', '>pass', '~*', '+@all', 'resetchannels');
    cleanUps.push(async () => {
      await admin.call('ACL', 'DELUSER', user);
      admin.disconnect();
    });
    const make = () => {
      const client = new Redis(server.url, { username: user, password: 'pass' });
      cleanUps.push(() => client.disconnect());
      return new RedisStore({ client, prefix: shared });
    };
    const [here, elsewhere] = [await start(make(), '1s'), await start(make())];
    const client = await open(here, '7');
    await revokeAll(elsewhere, '7');
    expect(await client.closed).toBe(4401);
    const saying = (words: string) => logged.filter((said) => said.startsWith(words) && said.includes('NOPERM'));
    expect(saying('This process does not learn')).toHaveLength(1);
    // Each of the two apps says it for itself.
    expect(saying('Other processes do not learn').length).toBeLessThanOrEqual(2);
  });
});

describeWithServer('redis-cluster', (server) => {
  const prefix = `${uniqueName('bus')}:`;
  tellsOthers('Cluster', () => {
    const client = new Cluster(server.addresses.map(({ host, port }) => ({ host, port })));
    cleanUps.push(() => client.disconnect());
    return new RedisStore({ client, prefix });
  });
  tellsOthers('Cluster, node-redis', async () => {
    const rootNodes = server.addresses.map(({ host, port }) => ({ url: `redis://${host}:${port}` }));
    const client = await createCluster({ rootNodes }).connect();
    cleanUps.push(() => client.destroy());
    return new RedisStore({ client, prefix });
  });
});

describeWithServer('postgres', (server) => {
  let tableName = uniqueName('bus');
  afterEach(async () => {
    const pool = new Pool({ connectionString: server.url });
    await pool.query(`DROP TABLE IF EXISTS ${tableName}`);
    await pool.end();
    tableName = uniqueName('bus');
  });

  tellsOthers(
    'connectionString',
    () => new PostgresStore({ connectionString: server.url, tableName, pruneInterval: false }),
  );
  tellsOthers('a pool of one connection, of which none is lost', () => {
    const pool = new Pool({ connectionString: server.url, max: 1 });
    cleanUps.push(() => pool.end());
    return new PostgresStore({ pool, tableName, pruneInterval: false });
  });
  inTwoProcesses(
    'postgres',
    server,
    (space) => new PostgresStore({ connectionString: server.url, tableName: space, pruneInterval: false }),
  );

  it('a connection that was lost is made again, and what was missed is looked for (#15.4)', async () => {
    const make = () => new PostgresStore({ connectionString: server.url, tableName, pruneInterval: false });
    const [here, silent] = [await start(make()), await start(make(), '1h', { bus: false })];
    const client = await open(here, '7');
    await isHeard(here);
    await revokeAll(silent, '7');
    const pool = new Pool({ connectionString: server.url });
    const { rowCount } = await pool.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND pid <> pg_backend_pid()",
    );
    await pool.end();
    expect(rowCount).toBeGreaterThan(0);
    expect(await client.closed).toBe(4401);
  });
});

describeWithServer('pgbouncer', (server) => {
  it('a pooler that swallows LISTEN is logged once, and sockets end within "revalidate" (#15.4)', async () => {
    const tableName = uniqueName('bus');
    const make = () =>
      new PostgresStore({
        connectionString: server.url,
        tableName,
        pruneInterval: false,
        preparedStatements: false,
      });
    const [here, elsewhere] = [await start(make(), '3s'), await start(make())];
    const client = await open(here, '7');
    await revokeAll(elsewhere, '7');
    expect(await client.closed).toBe(4401);
    expect(logged.filter((said) => said.includes('does a pooler drop LISTEN?'))).toHaveLength(1);
  });
});

it('a subscription that hears nothing though its connection is there is made anew (#15.4)', async () => {
  let subscriptions = 0;
  let hear: (text: string) => void = () => undefined;
  const bus: SessionBus = {
    publish: async (text) => hear(text),
    subscribe: async (listener) => {
      // As of a server that was upgraded since, and publishes in another way.
      if (++subscriptions > 1) hear = listener;
      return async () => undefined;
    },
  };
  const server = await start(new MemoryStore(), '1h', { bus });
  await open(server, '7');
  const { bus: ends } = watchOf(server.app.get(SessionManager)) as unknown as { bus: { check(): Promise<void> } };
  await ends.check();
  expect(logged).toEqual([expect.stringMatching(/^This process does not learn immediately/)]);
  await ends.check();
  await isHeard(server);
  expect(subscriptions).toBe(2);
});
