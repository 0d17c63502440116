/** Provisioning itself: what starts ends, in order or not, and what is required and missing fails. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import pg from 'pg';
import { describeWithProgram } from '../../support/servers/available.js';
import { startMongo } from '../../support/servers/mongo.mjs';
import { startPgBouncer } from '../../support/servers/pgbouncer.mjs';
import { startPostgres } from '../../support/servers/postgres.mjs';
import { canConnect } from '../../support/servers/process.mjs';
import type { PrivateServer } from '../../support/servers/process.mjs';
import { provision } from '../../support/servers/provision.mjs';
import { findRedisServer, startRedis, startRedisCluster } from '../../support/servers/redis.mjs';

const root = join(import.meta.dirname, '../../..');

/** Ended, or ended and not yet collected by its parent. */
function isGone(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return true;
  }
}

async function expectGone(pids: number[]): Promise<void> {
  expect(pids.length).toBeGreaterThan(0);
  const deadline = Date.now() + 5_000;
  while (!pids.every(isGone) && Date.now() < deadline) await sleep(10);
  expect(pids.filter((pid) => !isGone(pid))).toEqual([]);
}

async function expectStopLeavesNothing(server: PrivateServer): Promise<void> {
  const { pids } = server;
  await server.stop();
  await server.stop();
  await expectGone(pids);
  expect(existsSync(server.folder)).toBe(false);
}

describeWithProgram('redis', () => {
  it('keeps data through a crash and a restart if asked to, and leaves no process', async () => {
    const server = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    const client = new Redis(server.url);
    await client.set('room', '12');
    const crashed = server.pids;
    await server.kill();
    await expectGone(crashed);
    await server.restart();
    expect(await client.get('room')).toBe('12');
    client.disconnect();
    await expectStopLeavesNothing(server);
  });

  it('answers nothing while paused, and again once resumed', async () => {
    const server = await startRedis();
    const client = new Redis(server.url);
    await client.ping();
    server.pause();
    const reply = client.ping();
    expect(await Promise.race([reply, sleep(200, 'silence')])).toBe('silence');
    server.resume();
    expect(await reply).toBe('PONG');
    client.disconnect();
    await expectStopLeavesNothing(server);
  });

  it('stops a paused server in order, without waiting until it has to be killed', async () => {
    const server = await startRedis();
    server.pause();
    const before = performance.now();
    await expectStopLeavesNothing(server);
    expect(performance.now() - before).toBeLessThan(5_000);
  });
});

describeWithProgram('redis-cluster', () => {
  it('has three masters with a replica each, serves every slot, and leaves no process', async () => {
    const cluster = await startRedisCluster();
    const client = new Cluster(cluster.addresses);
    const keys = Array.from({ length: 60 }, (_, index) => `key:${index}`);
    await Promise.all(keys.map((key) => client.set(key, key)));
    const sizes = await Promise.all(client.nodes('master').map((node) => node.dbsize()));
    expect(client.nodes('slave')).toHaveLength(3);
    expect(sizes).toHaveLength(3);
    expect(sizes.every((size) => size > 0)).toBe(true);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(60);
    client.disconnect();
    const { pids } = cluster;
    expect(pids).toHaveLength(6);
    await cluster.stop();
    await expectGone(pids);
  }, 60_000);
});

describeWithProgram('postgres', () => {
  it('freezes every backend when paused, keeps what it confirmed through a crash, and leaves no process', async () => {
    const server = await startPostgres();
    const pool = new pg.Pool({ connectionString: server.url, max: 1 });
    pool.on('error', () => {}); // the crash below
    await pool.query('CREATE TABLE room (number int)');
    await pool.query('INSERT INTO room VALUES (12)');
    server.pause();
    const reply = pool.query('SELECT number FROM room');
    expect(await Promise.race([reply, sleep(200, 'silence')])).toBe('silence');
    server.resume();
    expect((await reply).rows).toEqual([{ number: 12 }]);
    const crashed = server.pids;
    expect(crashed.length).toBeGreaterThan(1);
    await server.kill();
    await expectGone(crashed);
    await server.restart();
    expect((await pool.query('SELECT number FROM room')).rows).toEqual([{ number: 12 }]);
    await pool.end();
    await expectStopLeavesNothing(server);
  });
});

describeWithProgram('pgbouncer', () => {
  it('hands one server connection to many clients, a transaction at a time', async () => {
    const postgres = await startPostgres();
    const bouncer = await startPgBouncer(postgres, { poolSize: 1 });
    const clients = await Promise.all(
      [1, 2, 3].map(async () => {
        const client = new pg.Client(bouncer.url);
        await client.connect();
        return client;
      }),
    );
    const backends = await Promise.all(clients.map((client) => client.query('SELECT pg_backend_pid() AS pid')));
    expect(new Set(backends.map(({ rows }) => rows[0].pid)).size).toBe(1);
    await Promise.all(clients.map((client) => client.end()));
    await expectStopLeavesNothing(bouncer);
    await expectStopLeavesNothing(postgres);
  });
});

describeWithProgram('mongo', () => {
  it('keeps data through a crash and a restart, and leaves no process', async () => {
    const server = await startMongo();
    const client = new MongoClient(server.url);
    const rooms = client.db('hotel').collection('rooms');
    await rooms.insertOne({ number: 12 });
    await server.kill();
    await server.restart();
    expect(await rooms.findOne({}, { projection: { _id: 0 } })).toEqual({ number: 12 });
    await client.close();
    await expectStopLeavesNothing(server);
  });
});

describe('provisioning', () => {
  it('names what is missing, with the reason, and starts nothing for it', async () => {
    const saved = process.env.KEYCARD_REDIS_SERVER;
    const url = process.env.REDIS_URL;
    delete process.env.REDIS_URL;
    process.env.KEYCARD_REDIS_SERVER = '/nowhere/redis-server';
    const servers = await provision({ names: ['redis'], install: false });
    restore('KEYCARD_REDIS_SERVER', saved);
    restore('REDIS_URL', url);
    expect(servers.provided).toEqual([]);
    expect(servers.missing).toEqual([
      { name: 'redis', reason: 'KEYCARD_REDIS_SERVER names /nowhere/redis-server, where no such program is' },
    ]);
    await servers.stop();
  });
});

function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

describe('npm run test:all', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keycard-results-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const withoutRedis = { KEYCARD_REDIS_SERVER: '/nowhere/redis-server' };
  const quickSpec = 'test/unit/support/catalog.spec.ts';

  /** A whole run in a process of its own, of one quick spec, for Redis alone. */
  function testAll(env: Record<string, string>, spec = quickSpec) {
    const results = join(folder, 'results.json');
    const args = [join(root, 'scripts/test-all.mjs'), '--servers=redis', `--results=${results}`, '--runInBand', spec];
    const { REDIS_URL: _given, NODE_OPTIONS: _options, ...inherited } = process.env;
    const child = execFile(process.execPath, args, { env: { ...inherited, ...env }, cwd: root });
    let output = '';
    child.stdout?.on('data', (text) => (output += text));
    child.stderr?.on('data', (text) => (output += text));
    const ended = once(child, 'close').then(([code]) => ({ code: code as number, output }));
    return { child, ended };
  }

  it('fails if KEYCARD_REQUIRE names a server that could not be provided', async () => {
    const { code, output } = await testAll({ KEYCARD_REQUIRE: 'redis', ...withoutRedis }).ended;
    expect(output).toMatch(/^MISSING, and required redis: KEYCARD_REDIS_SERVER names/m);
    expect(output).toMatch(/^\d+ passed, 1 failed$/m);
    expect(code).toBe(1);
  }, 60_000);

  it('skips it, and names it, if KEYCARD_REQUIRE does not name it', async () => {
    const { code, output } = await testAll({ KEYCARD_REQUIRE: '', ...withoutRedis }).ended;
    expect(output).toMatch(/^SKIPPED redis: KEYCARD_REDIS_SERVER names/m);
    expect(output).toMatch(/^[1-9]\d* passed, 0 failed$/m);
    expect(code).toBe(0);
  }, 60_000);

  it('fails if Jest fails without a failed test', async () => {
    const { code, output } = await testAll({ KEYCARD_REQUIRE: '', ...withoutRedis }, 'test/no-such.spec.ts').ended;
    expect(output).toMatch(/^0 passed, 1 failed$/m);
    expect(code).toBe(1);
  }, 60_000);

  const withRedis = findRedisServer() ? it : it.skip;
  withRedis.each(['SIGTERM', 'SIGINT'] as const)(
    'ends its servers and their folders on %s',
    async (signal) => {
      const { child, ended } = testAll({ KEYCARD_REQUIRE: '', TMPDIR: folder });
      const text = await new Promise<string>((resolve) => {
        let seen = '';
        child.stdout?.on('data', (chunk) => {
          seen += chunk;
          if (seen.includes('servers took')) resolve(seen);
        });
      });
      const port = Number(/redis:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1]);
      await canConnect(port);
      child.kill(signal);
      const { code } = await ended;
      expect(code).toBeGreaterThan(128);
      // One that was killed may take a moment to go.
      const isThere = () =>
        canConnect(port).then(
          () => true,
          () => false,
        );
      for (let n = 0; n < 100 && (await isThere()); n += 1) await sleep(20);
      await expect(canConnect(port)).rejects.toThrow('ECONNREFUSED');
      expect(readdirSync(folder).filter((name) => name.startsWith('keycard-'))).toEqual([]);
    },
    60_000,
  );
});

describeWithProgram(
  'redis',
  () => {
    const servers = join(root, 'test/support/servers/redis.mjs');
    const program = `
      const { startRedis } = await import(${JSON.stringify(servers)});
      const server = await startRedis();
      console.log(JSON.stringify({ pid: server.pid, folder: server.folder }));
      setInterval(() => {}, 1000);`;

    async function startInChild() {
      const { NODE_OPTIONS: _options, ...env } = process.env;
      const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: root, env });
      const line = await new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(String(data))));
      const { pid, folder } = JSON.parse(line) as { pid: number; folder: string };
      expect(isGone(pid)).toBe(false);
      return { child, pid, folder };
    }

    // the kernel does this one, asked by setpriv
    const onLinux = process.platform === 'linux' && existsSync('/usr/bin/setpriv') ? it : it.skip;
    onLinux('ends with the process that started it, even if that is killed', async () => {
      const { child, pid, folder } = await startInChild();
      child.kill('SIGKILL');
      await expectGone([pid]);
      rmSync(folder, { recursive: true, force: true });
    });
  },
  'a private server',
);
