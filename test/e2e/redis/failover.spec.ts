import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RedisStore } from '../../../lib/stores/redis/index.js';
import { SessionStoreError } from '../../../lib/stores/session-store.error.js';
import { describeInFullRun, describeWithProgram } from '../../support/servers/available.js';
import { serverFolder, ServerProcess, withFreshPort } from '../../support/servers/process.mjs';
import {
  findRedisServer,
  type RedisClusterServer,
  startRedis,
  startRedisCluster,
} from '../../support/servers/redis.mjs';

const recordOf = (views: number) => ({
  text: JSON.stringify({ cookie: {}, views, __keycard: { p: '7' } }),
  expiresAt: Date.now() + 600_000,
  principal: '7',
});

/** Counts up several sessions at once, and knows what of it the store has acknowledged. */
class Counting {
  readonly acknowledged = new Map<string, number>();
  readonly errors: unknown[] = [];
  private going = true;
  private readonly done: Promise<unknown>;

  constructor(
    private readonly store: RedisStore,
    ids: string[],
  ) {
    this.done = Promise.all(ids.map((id) => this.run(id)));
  }

  static async start(store: RedisStore, sessions: number): Promise<Counting> {
    const ids = Array.from({ length: sessions }, (_, n) => `session${n}`);
    for (const id of ids) await store.create(id, recordOf(0));
    return new Counting(store, ids);
  }

  get changes(): number {
    return [...this.acknowledged.values()].reduce((sum, views) => sum + views, 0);
  }

  async stop(): Promise<void> {
    this.going = false;
    await this.done;
  }

  private async run(id: string): Promise<void> {
    while (this.going) {
      try {
        const { text, revision } = (await this.store.load(id))!;
        const views = (JSON.parse(text) as { views: number }).views + 1;
        if ((await this.store.replace(id, recordOf(views), revision)) === 'ok') this.acknowledged.set(id, views);
      } catch (error) {
        this.errors.push(error);
      }
      await wait(2);
    }
  }
}

const expectNothingLost = async (store: RedisStore, counting: Counting): Promise<void> => {
  for (const error of counting.errors) expect(error).toBeInstanceOf(SessionStoreError);
  for (const [id, views] of counting.acknowledged) {
    const { text } = (await store.load(id))!;
    // One more may be there: a change that was made, and whose reply was lost.
    expect((JSON.parse(text) as { views: number }).views).toBeGreaterThanOrEqual(views);
  }
  expect(await store.count({ principal: '7' })).toBe(counting.acknowledged.size);
};

describeInFullRun('A Redis that moves under load', () => {
  describeWithProgram('redis-cluster', () => {
    let cluster: RedisClusterServer;
    let client: Cluster;
    let store: RedisStore;

    beforeAll(async () => {
      cluster = await startRedisCluster({ nodeTimeoutMs: 2_000 });
      client = new Cluster(cluster.addresses);
      client.on('error', () => undefined);
      store = new RedisStore({ client });
      await store.open();
    }, 60_000);
    afterAll(async () => {
      client.disconnect();
      await cluster.stop();
    });

    const adminOf = (port: number): Redis => new Redis({ port, host: '127.0.0.1' });
    const roleOf = async (admin: Redis): Promise<string> => String(((await admin.role()) as unknown[])[0]);

    it('loses nothing acknowledged when a replica takes over from its master', async () => {
      const counting = await Counting.start(store, 24);
      await wait(200);
      const before = counting.changes;
      expect(before).toBeGreaterThan(0);
      for (const replica of cluster.replicas) {
        const admin = adminOf(replica.port);
        // Redis itself gives one up after 5 s.
        for (let tries = 0; (await roleOf(admin)) !== 'master' && tries < 300; tries++) {
          if (tries % 110 === 0) await admin.cluster('FAILOVER');
          await wait(50);
        }
        expect(await roleOf(admin)).toBe('master');
        admin.disconnect();
      }
      const after = counting.changes;
      for (let tries = 0; counting.changes <= after && tries < 200; tries++) await wait(50);
      expect(counting.changes).toBeGreaterThan(after);
      await counting.stop();
      await expectNothingLost(store, counting);
      await store.clear();
    }, 60_000);

    it('loses nothing when slots move from node to node', async () => {
      const counting = await Counting.start(store, 24);
      await wait(200);
      const admins = [...cluster.masters, ...cluster.replicas].map(({ port }) => adminOf(port));
      const masters: { admin: Redis; id: string; port: number }[] = [];
      for (const admin of admins) {
        if ((await roleOf(admin)) !== 'master') continue;
        masters.push({ admin, id: String(await admin.cluster('MYID')), port: admin.options.port! });
      }
      expect(masters.length).toBe(3);
      let moved = 0;
      for (const id of counting.acknowledged.keys()) {
        const key = `sess:${id}`;
        const slot = Number(await masters[0]!.admin.cluster('KEYSLOT', key));
        const from = await holderOf(masters, slot);
        const to = masters.find((master) => master !== from)!;
        await to.admin.cluster('SETSLOT', slot, 'IMPORTING', from.id);
        await from.admin.cluster('SETSLOT', slot, 'MIGRATING', to.id);
        await wait(10);
        const keys = (await from.admin.cluster('GETKEYSINSLOT', slot, 100)) as string[];
        for (const one of keys) await from.admin.migrate('127.0.0.1', to.port, one, 0, 5_000);
        moved += keys.length;
        await wait(10);
        for (const { admin } of [to, from]) await admin.cluster('SETSLOT', slot, 'NODE', to.id);
      }
      expect(moved).toBeGreaterThanOrEqual(24);
      const after = counting.changes;
      for (let tries = 0; counting.changes <= after && tries < 200; tries++) await wait(50);
      expect(counting.changes).toBeGreaterThan(after);
      await counting.stop();
      for (const admin of admins) admin.disconnect();
      await expectNothingLost(store, counting);
      const listed = [];
      for await (const { id } of store.list()) listed.push(id);
      expect(new Set(listed).size).toBe(24);
    }, 60_000);

    async function holderOf<T extends { admin: Redis; id: string }>(masters: T[], slot: number): Promise<T> {
      const ranges = await masters[0]!.admin.cluster('SLOTS');
      const id = ranges.find(([first, last]) => slot >= first && slot <= last)?.[2]?.[2];
      return masters.find((master) => master.id === id)!;
    }
  });

  describeWithProgram('redis', () => {
    it('finds the new master by Sentinel, with the scripts it has never seen', async () => {
      const master = await startRedis();
      const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] });
      const sentinel = await startSentinel(master.port);
      const client = new Redis({ sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name: 'keycard' });
      client.on('error', () => undefined);
      const admin = new Redis({ port: sentinel.port, host: '127.0.0.1' });
      const copy = new Redis(replica.url);
      try {
        for (let tries = 0; !(await copy.info('replication')).includes('master_link_status:up') && tries < 100; tries++)
          await wait(50);
        const known = async () => ((await admin.call('SENTINEL', 'REPLICAS', 'keycard')) as unknown[]).length;
        for (let tries = 0; (await known()) === 0 && tries < 300; tries++) await wait(50);
        const store = new RedisStore({ client });
        await store.open();
        const counting = await Counting.start(store, 4);
        await wait(300);
        await admin.call('SENTINEL', 'FAILOVER', 'keycard');
        for (let tries = 0; !(await copy.info('replication')).includes('role:master') && tries < 200; tries++)
          await wait(50);
        await master.stop();
        const after = counting.changes;
        for (let tries = 0; counting.changes < after + 20 && tries < 200; tries++) await wait(50);
        expect(counting.changes).toBeGreaterThanOrEqual(after + 20);
        await counting.stop();
        for (const error of counting.errors) expect(error).toBeInstanceOf(SessionStoreError);
        expect(await new RedisStore({ client: copy }).count()).toBe(4);
      } finally {
        for (const one of [client, admin, copy]) one.disconnect();
        await Promise.all([sentinel.stop(), replica.stop(), master.stop()]);
      }
    }, 90_000);
  });
});

const startSentinel = (masterPort: number): Promise<ServerProcess> =>
  withFreshPort((port) => launchSentinel(port, masterPort));

async function launchSentinel(port: number, masterPort: number): Promise<ServerProcess> {
  const folder = serverFolder('sentinel');
  const config = join(folder, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor keycard 127.0.0.1 ${masterPort} 1`,
    'sentinel down-after-milliseconds keycard 1000',
    'sentinel failover-timeout keycard 5000',
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  const url = `redis://127.0.0.1:${port}`;
  const ready = async (): Promise<void> => {
    const probe = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => null });
    probe.on('error', () => undefined);
    try {
      await probe.connect();
    } finally {
      probe.disconnect();
    }
  };
  const command = findRedisServer()!;
  return new ServerProcess({
    name: 'sentinel',
    port,
    url,
    command,
    args: [config, '--sentinel'],
    folder,
    ready,
  }).start();
}
