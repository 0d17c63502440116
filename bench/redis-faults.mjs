// What a failover takes back on a plain Redis, and how long a half-open connection fails calls: the numbers of docs/stores/redis.md.
// node bench/redis-faults.mjs
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from '../test/support/servers/process.mjs';

const folder = mkdtempSync(join(tmpdir(), 'redis-faults-'));
const servers = [];

async function start(...args) {
  const port = await freePort();
  const child = spawn('redis-server', ['--port', String(port), '--save', '', '--dir', folder, '--repl-diskless-sync-delay', '0', ...args], { stdio: 'ignore' }); // prettier-ignore
  servers.push(child);
  const client = new Redis(port, '127.0.0.1', { retryStrategy: () => 50 });
  client.on('error', () => undefined);
  await client.ping();
  return { port, child, client };
}

/** Counts up until the master dies, whose replica has been cut off for a while; gives what was acknowledged, and what the replica knows. */
async function failover({ lag, minReplicas, waits }) {
  const master = await start(...(minReplicas ? ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '1'] : []));
  const replica = await start('--replicaof', '127.0.0.1', String(master.port));
  while (!(await replica.client.info('replication')).includes('master_link_status:up')) await wait(20);
  while (minReplicas && (await master.client.set('probe', '1').catch(() => undefined)) !== 'OK') await wait(50);
  let [going, acknowledged, refused] = [true, 0, 0];
  const counting = (async () => {
    for (let n = 1; going; n++) {
      try {
        await master.client.set('n', n);
        if (waits && (await master.client.call('WAIT', '1', '100')) < 1) throw new Error('No replica has it.');
        acknowledged = n;
      } catch {
        refused += 1;
        await wait(1);
      }
    }
  })();
  await wait(500);
  if (lag > 0) replica.child.kill('SIGSTOP');
  await wait(lag);
  going = false;
  const killed = counting.then(() => undefined);
  master.child.kill('SIGKILL');
  master.client.disconnect();
  replica.child.kill('SIGCONT');
  await Promise.race([killed, wait(500)]);
  await replica.client.replicaof('NO', 'ONE');
  const known = Number(await replica.client.get('n'));
  replica.client.disconnect();
  replica.child.kill();
  return { acknowledged, lost: Math.max(0, acknowledged - known), refused };
}

/** How long calls fail once the network swallows what is sent on the connection there is; new connections work. */
async function halfOpen(options) {
  const { port, client: direct, child } = await start();
  const pairs = [];
  const proxy = createServer((client) => {
    const server = connect(port, '127.0.0.1');
    for (const socket of [client, server]) socket.on('error', () => undefined);
    const pair = { dead: false };
    pairs.push(pair);
    client.on('data', (data) => pair.dead || server.write(data));
    server.on('data', (data) => pair.dead || client.write(data));
    client.on('close', () => server.destroy());
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const client = new Redis(proxy.address().port, '127.0.0.1', options);
  client.on('error', () => undefined);
  await new Promise((resolve) => client.on('ready', resolve));
  await client.get('a');
  for (const pair of pairs) pair.dead = true;
  const from = performance.now();
  let first;
  for (;;) {
    // As the engine bounds each call.
    const outcome = await Promise.race([client.get('a').then(() => 'ok', () => 'failed'), wait(2_000, 'late')]); // prettier-ignore
    if (outcome !== 'ok') first ??= Math.round(performance.now() - from);
    if (outcome === 'ok' || performance.now() - from > 20_000) {
      const after = Math.round(performance.now() - from);
      client.disconnect();
      direct.disconnect();
      child.kill();
      proxy.close();
      return { firstFailure: first, servedAfter: outcome === 'ok' ? after : `not within ${after}` };
    }
    await wait(50);
  }
}

const strict = { maxRetriesPerRequest: 1, enableOfflineQueue: false, commandTimeout: 2_000, socketTimeout: 5_000 };
const store = { maxRetriesPerRequest: 1, connectTimeout: 2_000, commandTimeout: 2_000, socketTimeout: 5_000, retryStrategy: (n) => Math.min(n * 50, 500) }; // prettier-ignore
try {
  for (const lag of [0, 200, 3_000]) {
    console.log(`replica ${lag} ms behind`, {
      plain: await failover({ lag }),
      'min-replicas-to-write 1, max-lag 1': await failover({ lag, minReplicas: true }),
      WAIT: await failover({ lag, waits: true }),
    });
  }
  const [plain, recommended, own] = await Promise.all([halfOpen({}), halfOpen(strict), halfOpen(store)]);
  console.log('half-open', {
    'new Redis(url)': plain,
    'the options of the docs': recommended,
    'the store, by "url"': own,
  });
} finally {
  for (const child of servers) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
process.exit();
