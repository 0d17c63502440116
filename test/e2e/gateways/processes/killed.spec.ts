import { join } from 'node:path';
import { WsAdapter } from '@nestjs/platform-ws';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { SessionRegistry, type SessionStore } from 'nestjs-keycard';
import { PostgresStore } from 'nestjs-keycard/postgres';
import { RedisStore } from 'nestjs-keycard/redis';
import { withSessions } from 'nestjs-keycard/websockets';
import { Jar, post, startApp, type TestApp } from '../../../support/app.js';
import { type CompiledLib, compileLib } from '../../../support/compile-lib.js';
import { type GatewayClient, gatewayTransports } from '../../../support/gateway-client.js';
import { LoginController } from '../../../support/login-app.js';
import { describeWithServer, type SharedServer, uniqueName } from '../../../support/servers/available.js';
import { until } from '../../../support/until.js';
import { isHeard } from '../../../support/watching.js';
import { WhoGateway } from '../../../support/who-gateway.js';
import { WorkerProcess } from '../../../support/worker-process.js';

const { connect } = gatewayTransports.find(({ name }) => name === 'ws')!;
const SCRIPT = join(import.meta.dirname, '../../../support/gateway-worker.mjs');

/** What a process has at the server. */
interface Traces {
  /** The URL under which a process's connections are known by this name. */
  named(url: string, name: string): string;
  /** Its connections, and how many of them listen. */
  connections(name: string): Promise<{ all: number; listening: number }>;
  /** Keys or rows of a space, and how many of them no expiry ends. */
  entries(space: string): Promise<{ all: number; endless: number }>;
  /** Locks in a space, or that anybody waits for. */
  locks(space: string): Promise<number>;
  close(space: string): Promise<void>;
}

function leavesNothing(
  name: 'redis' | 'postgres',
  server: SharedServer,
  make: (space: string) => SessionStore,
  trace: (url: string) => Promise<Traces>,
): void {
  let lib: CompiledLib;
  let traces: Traces;
  const space = uniqueName('killed');
  const clients: GatewayClient[] = [];
  let survivor: TestApp | undefined;
  beforeAll(async () => {
    lib = await compileLib();
    traces = await trace(server.url);
  });
  afterAll(async () => {
    await lib.remove();
    await traces.close(space);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await survivor?.close();
  });

  it('a process that is killed in the middle of messages leaves nothing but records behind, and the other goes on (#15)', async () => {
    const logged: string[] = [];
    survivor = await startApp(
      [LoginController],
      { store: make(space), logger: { warn: (said: string) => void logged.push(said), error: () => undefined } },
      {
        providers: [WhoGateway],
        before: (app) => app.useWebSocketAdapter(withSessions(app, new WsAdapter(app), { revalidate: '1h' })),
      },
    );
    const loggedIn = async (id: string): Promise<Jar> => {
      const jar = new Jar();
      await jar.fetch(`${survivor!.url}/login`, post({ id }));
      return jar;
    };
    const open = async (url: string, jar: Jar): Promise<GatewayClient> => {
      const client = await connect(url, { cookie: jar.header });
      clients.push(client);
      return client;
    };
    const jars = [await loggedIn('7'), await loggedIn('7'), await loggedIn('8')] as const;
    const before = await traces.entries(space);

    const victim = new WorkerProcess(SCRIPT, [lib.path, name, traces.named(server.url, space), space]);
    const url = `http://127.0.0.1:${await victim.hear('port')}`;
    const theirs = await Promise.all([...jars, ...jars].map((jar) => open(url, jar)));
    const ours = await Promise.all(jars.map((jar) => open(survivor!.url, jar)));
    await isHeard(survivor);
    await until(async () => (await traces.connections(space)).listening === 1);

    const firstAnswers = theirs.map((client) => client.ask('count'));
    for (let n = 0; n < 50; n += 1) for (const client of theirs) void client.ask('count');
    await Promise.race(firstAnswers);
    await victim.kill();
    expect(await Promise.all(theirs.map(({ closed }) => closed))).toEqual(theirs.map(() => 1006));

    await until(async () => (await traces.connections(space)).all === 0);
    expect(await traces.locks(space)).toBe(0);
    expect(await traces.entries(space)).toEqual(before);

    expect(await survivor.app.get(SessionRegistry).revokeAll('7')).toBe(2);
    expect(await Promise.all([ours[0]!.closed, ours[1]!.closed])).toEqual([4401, 4401]);
    expect(await ours[2]!.ask('who')).toEqual({ principal: '8' });
    await survivor.app.get(SessionRegistry).revokeAll('8');
    // The marks of both are left, and end by themselves.
    const { all, endless } = await traces.entries(space);
    expect(all).toBeLessThanOrEqual(2);
    expect(endless).toBe(0);
    expect(logged).toEqual([]);
  }, 60_000);
}

async function tracesInRedis(url: string): Promise<Traces> {
  const admin = new Redis(url);
  return {
    named: (at, name) => `${at}?connectionName=${name}`,
    connections: async (name) => {
      const lines = String(await admin.client('LIST'))
        .split('\n')
        .filter((line) => line.includes(` name=${name} `));
      return { all: lines.length, listening: lines.filter((line) => !line.includes(' sub=0 ')).length };
    },
    entries: async (space) => {
      const keys = await admin.keys(`*${space}*`);
      const lives = await Promise.all(keys.map((key) => admin.pttl(key)));
      return { all: keys.length, endless: lives.filter((ms) => ms < 0).length };
    },
    locks: async () => 0,
    close: async () => void (await admin.quit()),
  };
}

async function tracesInPostgres(url: string): Promise<Traces> {
  const admin = new Client({ connectionString: url });
  await admin.connect();
  const one = async <T>(sql: string, values: unknown[]): Promise<T> => (await admin.query(sql, values)).rows[0] as T;
  return {
    named: (at, name) => `${at}${at.includes('?') ? '&' : '?'}application_name=${name}`,
    connections: (name) =>
      one(
        `SELECT count(*)::int AS all, count(*) FILTER (WHERE query LIKE 'LISTEN%')::int AS listening
         FROM pg_stat_activity WHERE application_name = $1`,
        [name],
      ),
    entries: (space) =>
      one(`SELECT count(*)::int AS all, count(*) FILTER (WHERE expire IS NULL)::int AS endless FROM ${space}`, []),
    locks: async (space) =>
      (
        await one<{ n: number }>(
          `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' OR NOT granted OR relation = $1::regclass`,
          [space],
        )
      ).n,
    close: async (space) => {
      await admin.query(`DROP TABLE ${space}`);
      await admin.end();
    },
  };
}

describeWithServer('redis', (server) =>
  leavesNothing('redis', server, (space) => new RedisStore({ url: server.url, prefix: space }), tracesInRedis),
);
describeWithServer('postgres', (server) => {
  const make = (space: string) =>
    new PostgresStore({ connectionString: server.url, tableName: space, pruneInterval: false });
  leavesNothing('postgres', server, make, tracesInPostgres);
});
