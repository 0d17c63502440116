import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { createCluster } from 'redis';
import { RedisStore } from 'nestjs-keycard/redis';
import { describeWithProgram, uniqueName } from '../../support/servers/available.js';
import { type RedisClusterServer, startRedisCluster } from '../../support/servers/redis.mjs';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** Clients of which each puts the same prefix before its keys, by whatever means it has. */
const clients = {
  ioredis: async ({ addresses }: RedisClusterServer, keyPrefix: string) => {
    const client = new Cluster(addresses, { keyPrefix });
    cleanUps.push(() => client.disconnect());
    return client;
  },
  'ioredis, with redisOptions': async ({ addresses }: RedisClusterServer, keyPrefix: string) => {
    const client = new Cluster(addresses, { redisOptions: { keyPrefix } });
    cleanUps.push(() => client.disconnect());
    return client;
  },
  'node-redis': async ({ addresses }: RedisClusterServer, keyPrefix: string) => {
    const rootNodes = addresses.map(({ host, port }) => ({ url: `redis://${host}:${port}` }));
    const client = await createCluster({ rootNodes, keyPrefix }).connect();
    cleanUps.push(() => client.destroy());
    return client;
  },
};
const kinds = Object.keys(clients) as (keyof typeof clients)[];

/** A store's bus, and what it hears. */
async function busOf(cluster: RedisClusterServer, kind: keyof typeof clients, keyPrefix: string) {
  const store = new RedisStore({ client: await clients[kind](cluster, keyPrefix), prefix: 'sess:' });
  await store.open();
  const texts: string[] = [];
  const states: boolean[] = [];
  const bus = store.bus();
  const stop = await bus.subscribe(
    (text) => void texts.push(text),
    (isUp) => void states.push(isUp),
  );
  cleanUps.push(stop);
  return { bus, texts, states };
}

const until = async (isSo: () => unknown): Promise<void> => {
  for (const deadline = Date.now() + 10_000; !(await isSo()); await new Promise((resolve) => setTimeout(resolve, 10)))
    if (Date.now() > deadline) throw new Error('It did not come to that within 10 s.');
};

/** Asks each master, and gives the answers. */
async function askMasters<T>({ masters }: RedisClusterServer, ask: (master: Redis) => Promise<T>): Promise<T[]> {
  return Promise.all(
    masters.map(async ({ port }) => {
      const master = new Redis({ host: '127.0.0.1', port });
      try {
        return await ask(master);
      } finally {
        master.disconnect();
      }
    }),
  );
}

const subscribers = async (cluster: RedisClusterServer, command: 'NUMSUB' | 'SHARDNUMSUB', channel: string) => {
  const counts = await askMasters(cluster, (master) => master.call('PUBSUB', command, channel) as Promise<[0, number]>);
  return counts.reduce((sum, [, count]) => sum + count, 0);
};

describeWithProgram('redis-cluster', () => {
  describe('servers that have SPUBLISH', () => {
    let cluster: RedisClusterServer;
    beforeAll(async () => {
      cluster = await startRedisCluster();
    }, 60_000);
    afterAll(() => cluster.stop());

    it.each(kinds)(
      '%s: a text reaches the processes over one shard, whatever their drivers are (#15.4)',
      async (kind) => {
        const keyPrefix = `${uniqueName('app')}:`;
        const here = await busOf(cluster, kind, keyPrefix);
        const others = [];
        for (const other of kinds) others.push(await busOf(cluster, other, keyPrefix));
        await here.bus.publish('a text');
        for (const { texts } of [here, ...others]) await until(() => texts.length === 1);
        const channel = `keycard:${keyPrefix}sess:ends`;
        expect(await subscribers(cluster, 'SHARDNUMSUB', channel)).toBe(4);
        expect(await subscribers(cluster, 'NUMSUB', channel)).toBe(0);
      },
    );

    it.each(kinds)(
      '%s: continues when the channel has moved to another shard, and when it was cut (#15.4)',
      async (kind) => {
        const keyPrefix = `${uniqueName('app')}:`;
        const { bus, texts, states } = await busOf(cluster, kind, keyPrefix);
        const channel = `keycard:${keyPrefix}sess:ends`;
        const [slot] = await askMasters(cluster, (master) => master.cluster('KEYSLOT', channel));
        const [ids, isOwner] = await Promise.all([
          askMasters(cluster, (master) => master.cluster('MYID') as Promise<string>),
          askMasters(cluster, (master) => master.call('PUBSUB', 'SHARDNUMSUB', channel) as Promise<[0, number]>),
        ]);
        const next = ids[(isOwner.findIndex(([, count]) => count === 1) + 1) % ids.length]!;
        await askMasters(cluster, (master) => master.cluster('SETSLOT', slot as number, 'NODE', next));
        const isHeard = async (): Promise<boolean> => {
          await bus.publish('again').catch(() => undefined);
          return texts.length > 0;
        };
        await until(isHeard);

        await askMasters(cluster, (master) => master.call('CLIENT', 'KILL', 'TYPE', 'pubsub'));
        texts.length = 0;
        await until(isHeard);
        // A cluster of node-redis does not say it; the check every 30 s finds it.
        if (kind !== 'node-redis') expect(states.at(-1)).toBe(true);
      },
    );
  });

  describe('servers that do not have it, as before Redis 7', () => {
    let cluster: RedisClusterServer;
    beforeAll(async () => {
      const without = ['SPUBLISH', 'SSUBSCRIBE'].flatMap((command) => ['--rename-command', command, '']);
      cluster = await startRedisCluster({ args: without });
    }, 60_000);
    afterAll(() => cluster.stop());

    it.each(kinds)('%s: a text reaches the processes plainly (#15.4)', async (kind) => {
      const keyPrefix = `${uniqueName('app')}:`;
      const here = await busOf(cluster, kind, keyPrefix);
      const others = [];
      for (const other of kinds) others.push(await busOf(cluster, other, keyPrefix));
      await here.bus.publish('a text');
      for (const { texts } of [here, ...others]) await until(() => texts.length === 1);
    });
  });
});
