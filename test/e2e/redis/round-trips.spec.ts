import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { createClientPool } from 'redis';
import { RedisStore } from '../../../lib/stores/redis/index.js';
import type { Revision } from '../../../lib/stores/session-store.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

const recordOf = (n: number) => ({
  text: JSON.stringify({ cookie: {}, n }),
  expiresAt: Date.now() + 60_000,
});

/** Counts what leaves on a connection: each write to the system, and each piece that was handed to it. */
const writesOf = (connection: Redis): { count: number } => {
  const writes = { count: 0 };
  const socket = connection.stream as unknown as {
    _write(...args: unknown[]): void;
    _writev(...args: unknown[]): void;
  };
  for (const name of ['_write', '_writev'] as const) {
    const original = socket[name].bind(socket);
    socket[name] = (...args) => {
      writes.count += 1;
      original(...args);
    };
  }
  return writes;
};

describeWithServer('redis', (server) => {
  describe.each([false, true])('on a client with enableAutoPipelining %s', (enableAutoPipelining) => {
    let client: Redis;
    let store: RedisStore;

    beforeAll(async () => {
      client = new Redis(server.url, { enableAutoPipelining });
      store = new RedisStore({ client, prefix: `${uniqueName()}:` });
      for (let n = 0; n < 30; n++) await store.create(`s${n}`, recordOf(n));
      // The scripts are known from here on.
      await store.replace('s0', recordOf(0), recordOf(0).text);
    });
    afterAll(async () => {
      await store.clear();
      client.disconnect();
    });

    it('sends the reads of one turn in one write, and reads of another turn in another', async () => {
      const writes = writesOf(client);
      const ids = Array.from({ length: 30 }, (_, n) => `s${n}`);
      expect((await Promise.all(ids.map((id) => store.load(id)))).filter(Boolean).length).toBe(30);
      expect(writes.count).toBe(1);
      await store.load('s1');
      await store.load('s2');
      expect(writes.count).toBe(3);
    });

    it('sends the changes of one turn in one write', async () => {
      const before = await Promise.all(Array.from({ length: 30 }, (_, n) => store.load(`s${n}`)));
      const writes = writesOf(client);
      const results = await Promise.all(
        before.map((found, n) => store.replace(`s${n}`, recordOf(-n), found!.revision)),
      );
      expect(new Set(results)).toEqual(new Set(['ok']));
      expect(writes.count).toBe(1);
    });

    it('makes the changes of one turn in one script, and tells each its own result', async () => {
      const [first, second] = await Promise.all([store.load('s1'), store.load('s2')]);
      const scripts = jest.spyOn(client, 'evalsha');
      const change = (id: string, revision: Revision) => store.replace(id, recordOf(id.length), revision);
      const results = await Promise.all([
        change('s1', first!.revision),
        change('s2', 'another text'),
        change('none', first!.revision),
        store.destroy('s2', second!.revision),
      ]);
      expect(results).toEqual(['ok', 'conflict', 'gone', 'ok']);
      // Two changes of one record never share a script.
      expect(scripts.mock.calls.map(([, keys]) => keys)).toEqual([3, 1]);
      scripts.mockRestore();
      expect((await store.load('s1'))?.text).toBe(recordOf(2).text);
      expect(await store.load('s2')).toBeUndefined();
    });
  });
});

describeWithServer('redis', (server) => {
  it('works on a pool of node-redis, which keeps no order between its connections', async () => {
    const pool = createClientPool({ url: server.url }, { minimum: 4 });
    await pool.connect();
    const store = new RedisStore({ client: pool, prefix: `${uniqueName()}:` });
    await store.open();
    const own = (n: number) => ({ ...recordOf(n), principal: '7' });
    await Promise.all(Array.from({ length: 20 }, (_, n) => store.create(`s${n}`, own(n))));
    const found = await Promise.all(Array.from({ length: 20 }, (_, n) => store.load(`s${n}`)));
    const results = await Promise.all(found.map((one, n) => store.replace(`s${n}`, own(-n), one!.revision)));
    expect(new Set(results)).toEqual(new Set(['ok']));
    expect(await store.count({ principal: '7' })).toBe(20);
    expect(await store.count()).toBe(20);
    await store.clear();
    expect(await store.count()).toBe(0);
    pool.destroy();
  });
});

describeWithServer('redis-cluster', (server) => {
  describe.each([false, true])('on a cluster with enableAutoPipelining %s', (enableAutoPipelining) => {
    it('sends the reads and the changes of one turn in one write to each node', async () => {
      const client = new Cluster(server.addresses, { enableAutoPipelining });
      const store = new RedisStore({ client, prefix: `${uniqueName()}:` });
      for (let n = 0; n < 30; n++) await store.create(`s${n}`, recordOf(n));
      const connections = client.nodes('master');
      const before = await Promise.all(Array.from({ length: 30 }, (_, n) => store.load(`s${n}`)));
      await Promise.all(before.map((found, n) => store.replace(`s${n}`, recordOf(n), found!.revision)));
      const writes = connections.map(writesOf);
      await Promise.all(before.map((_, n) => store.load(`s${n}`)));
      expect(writes.map(({ count }) => count)).toEqual([1, 1, 1]);
      await Promise.all(before.map((found, n) => store.replace(`s${n}`, recordOf(-n), found!.revision)));
      expect(writes.map(({ count }) => count)).toEqual([2, 2, 2]);
      await store.clear();
      client.disconnect();
    });
  });
});
