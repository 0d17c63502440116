/** Private Redis servers: one alone, or a cluster of three masters with a replica each. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { findProgram, isProgram, ServerProcess, serverFolder, withFreshPort } from './process.mjs';

const SLOTS = 16_384;
const BUS_OFFSET = 10_000;
const MASTERS = 3;
const QUICK_REPLICATION = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'];

/** Path of redis-server (or valkey-server), else undefined. `KEYCARD_REDIS_SERVER` names another. */
export function findRedisServer() {
  const named = process.env.KEYCARD_REDIS_SERVER;
  if (named) return isProgram(named) ? named : undefined;
  return findProgram('redis-server', 'valkey-server');
}

/**
 * Starts a Redis that keeps its data in memory only; `args: ['--appendonly', 'yes']` makes it survive `restart()`.
 *
 * @param {{ args?: string[] }} [options]
 * @returns {Promise<import('./process.mjs').PrivateServer>}
 */
export function startRedis({ args = [] } = {}) {
  return withFreshPort((port) => launch('redis', port, args));
}

/**
 * @typedef {Awaited<ReturnType<typeof startRedisCluster>>} RedisClusterServer `replicas[i]` began as the replica of `masters[i]`
 */

/**
 * Starts three masters, each with a replica, and resolves when the cluster serves all slots.
 *
 * @param {{ args?: string[], nodeTimeoutMs?: number }} [options]
 */
export async function startRedisCluster({ args = [], nodeTimeoutMs = 15_000 } = {}) {
  const clusterArgs = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', ...QUICK_REPLICATION, ...args];
  const started = await Promise.allSettled(
    Array.from({ length: MASTERS * 2 }, () =>
      withFreshPort((port) => launch('redis-cluster', port, clusterArgs), BUS_OFFSET),
    ),
  );
  const nodes = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    const failed = started.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    await form(nodes);
    // A short one was for the forming: a machine that is busy for two seconds is no reason for a failover.
    await Promise.all(
      nodes.map((node) =>
        onNode(node, (client) => client.config('SET', 'cluster-node-timeout', String(nodeTimeoutMs))),
      ),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  const addresses = nodes.map((node) => ({ host: '127.0.0.1', port: node.port }));
  return {
    name: 'redis-cluster',
    url: addresses.map(({ host, port }) => `${host}:${port}`).join(','),
    addresses,
    nodes,
    masters: nodes.slice(0, MASTERS),
    replicas: nodes.slice(MASTERS),
    get pids() {
      return nodes.flatMap((node) => node.pids);
    },
    stop,
  };
}

/** @returns {Promise<import('./process.mjs').PrivateServer>} */
function launch(name, port, args) {
  const command = findRedisServer();
  if (!command) throw new Error('redis-server was not found; install the package redis-server.');
  const folder = serverFolder(name);
  const base = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--daemonize', 'no', '--save', ''];
  return new ServerProcess({
    name,
    port,
    url: `redis://127.0.0.1:${port}`,
    command,
    args: [...base, '--loglevel', 'notice', ...args],
    folder,
    ready: () => onNode({ port }, (client) => client.ping()),
  }).start();
}

async function form(nodes) {
  const [first] = nodes;
  for (const node of nodes.slice(1)) {
    await onNode(first, (client) => client.cluster('MEET', '127.0.0.1', node.port));
  }
  for (const [index, node] of nodes.slice(0, MASTERS).entries()) {
    const from = Math.ceil((SLOTS * index) / MASTERS);
    const to = Math.ceil((SLOTS * (index + 1)) / MASTERS);
    const slots = Array.from({ length: to - from }, (_, offset) => from + offset);
    await onNode(node, (client) => client.cluster('ADDSLOTS', ...slots));
  }
  for (const [index, replica] of nodes.slice(MASTERS).entries()) {
    const masterId = await onNode(nodes[index], (client) => client.cluster('MYID'));
    // refused until the gossip has told this node of its master
    await eventually(() => onNode(replica, (client) => client.cluster('REPLICATE', masterId)));
  }
  await Promise.all(nodes.map((node) => eventually(() => onNode(node, assertWhole))));
}

/** What clients ask: every slot served, and each master's replica listed, which takes a first sign of replication. */
async function assertWhole(client) {
  const info = await client.cluster('INFO');
  const ranges = await client.cluster('SLOTS');
  const replicas = ranges.reduce((sum, [, , , ...others]) => sum + others.length, 0);
  if (!info.includes('cluster_state:ok') || ranges.length !== MASTERS || replicas !== MASTERS) {
    throw new Error(`The cluster isn't whole yet: ${ranges.length} masters, ${replicas} replicas.\n${info}`);
  }
}

async function eventually(attempt, withinMs = 30_000) {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(50);
    }
  }
}

async function onNode({ port }, ask) {
  const client = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: null, connectTimeout: 2_000 });
  client.on('error', () => {}); // the rejected call says it
  try {
    await client.connect();
    return await ask(client);
  } finally {
    client.disconnect();
  }
}
