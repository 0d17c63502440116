import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { RedisStore } from '../../../lib/stores/redis/index.js';
import type { SessionRecord } from '../../../lib/stores/session-store.js';
import { startRedis } from '../../support/servers/redis.mjs';
import type { PrivateServer } from '../../support/servers/process.mjs';
import { describeWithProgram, describeWithServer, uniqueName } from '../../support/servers/available.js';

const record = (principal?: string, life = 60_000, data: object = {}): SessionRecord => {
  const expiresAt = Date.now() + life;
  return {
    text: JSON.stringify({ cookie: {}, ...data, __keycard: { e: expiresAt, p: principal } }),
    expiresAt,
    principal,
  };
};

const idsOf = async (store: RedisStore, principal?: string): Promise<string[]> => {
  const ids: string[] = [];
  for await (const { id } of store.list({ principal })) ids.push(id);
  return ids.sort();
};

function healing(connect: () => Redis | Cluster): void {
  let client: Redis | Cluster;
  let prefix: string;
  let store: RedisStore;
  const indexOf = (principal: string): string => `keycard:${prefix}by-principal:${principal}`;
  const entriesOf = async (principal: string): Promise<string[]> =>
    (await client.zrange(indexOf(principal), '0', '-1')).sort();

  beforeAll(() => {
    client = connect();
  });
  afterAll(() => client.disconnect());
  beforeEach(() => {
    prefix = `${uniqueName()}:`;
    store = new RedisStore({ client, prefix });
  });

  it('drops the entry of a session whose key was deleted by hand, at the next list', async () => {
    for (const id of ['a', 'b', 'c']) await store.create(id, record('7'));
    await client.del(`${prefix}b`);
    expect(await entriesOf('7')).toEqual(['a', 'b', 'c']);
    expect(await store.count({ principal: '7' })).toBe(2);
    expect(await entriesOf('7')).toEqual(['a', 'c']);
  });

  it('drops the entry of a session that expired, and the whole index with its last session', async () => {
    await store.create('short', record('7', 900));
    await store.create('long', record('7'));
    await client.pexpire(`${prefix}short`, 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await idsOf(store, '7')).toEqual(['long']);
    expect(await entriesOf('7')).toEqual(['long']);
    const left = await client.pttl(indexOf('7'));
    expect(left).toBeGreaterThan(60_000);
    expect(left).toBeLessThanOrEqual(60_000 + 600_000 + 60_000);
  });

  it('takes expired entries out whenever another is added, without reading them', async () => {
    await store.create('a', record('7'));
    await client.zadd(indexOf('7'), Date.now() - 120_000, 'dead');
    await store.create('b', record('7'));
    expect(await entriesOf('7')).toEqual(['a', 'b']);
  });

  it('drops an entry whose record belongs to somebody else', async () => {
    await store.create('a', record('8'));
    await client.zadd(indexOf('7'), Date.now() + 60_000, 'a');
    expect(await idsOf(store, '7')).toEqual([]);
    expect(await entriesOf('7')).toEqual([]);
    expect(await idsOf(store, '8')).toEqual(['a']);
  });

  it('puts back an entry that a process which ended had not made yet, with the next change by another', async () => {
    const { text, expiresAt } = record('7');
    await client.set(`${prefix}a`, text, 'PXAT', expiresAt);
    expect(await idsOf(store, '7')).toEqual([]);
    const { revision } = (await store.load('a'))!;
    // Nothing but its data changes: the end is within the same step.
    const next = { text: text.replace('{"cookie":{}', '{"cookie":{},"n":1'), expiresAt, principal: '7' };
    expect(await store.replace('a', next, revision)).toBe('ok');
    expect(await idsOf(store, '7')).toEqual(['a']);
  });

  it('puts back an entry that Redis lost, with the next change in a process that has not made it', async () => {
    await store.create('a', record('7'));
    await client.del(indexOf('7'));
    const other = new RedisStore({ client, prefix });
    expect(await other.replace('a', record('7'), (await other.load('a'))!.revision)).toBe('ok');
    expect(await idsOf(store, '7')).toEqual(['a']);
  });

  it('leaves no entry behind for a change that came after the end', async () => {
    await store.create('a', record('7'));
    const { revision } = (await store.load('a'))!;
    await client.del(`${prefix}a`);
    expect(await store.replace('a', record('7'), revision)).toBe('gone');
    expect(await idsOf(store, '7')).toEqual([]);
    expect(await entriesOf('7')).toEqual([]);
  });

  it('keeps the later expiry if two writers differ', async () => {
    const hour = 3_600_000;
    await store.create('a', record('7', 3 * hour));
    const { revision } = (await store.load('a'))!;
    await store.replace('a', record('7', 3 * hour, { n: 1 }), revision);
    expect(await store.replace('a', record('7', 1000), revision)).toBe('conflict');
    expect(Number(await client.zscore(indexOf('7'), 'a'))).toBeGreaterThan(Date.now() + 2 * hour);
  });

  it('never hides a live session, while it is listed concurrently', async () => {
    const other = connect();
    const reader = new RedisStore({ client: other, prefix });
    const sizes = new Set<number>();
    let done = false;
    const lists = (async () => {
      while (!done) sizes.add((await idsOf(reader, '7')).length);
    })();
    for (let n = 0; n < 80; n++) await store.create(`s${n}`, record('7'));
    done = true;
    await lists;
    other.disconnect();
    // The lists did run between the creates.
    expect(sizes.size).toBeGreaterThan(10);
    expect((await idsOf(store, '7')).length).toBe(80);
    expect((await entriesOf('7')).length).toBe(80);
  });

  it('puts an entry back that another writer made while it was taken for stale', async () => {
    await store.create('a', record('8'));
    await client.zadd(indexOf('7'), Date.now() + 60_000, 'a');
    // Between the look at the record and the removal of its entry, the session comes to belong to the principal.
    const slow = Object.create(client) as Redis;
    let overtaken = false;
    slow.zrem = (async (...args: [string, ...string[]]) => {
      if (!overtaken) {
        overtaken = true;
        expect(await store.replace('a', record('7'), (await store.load('a'))!.revision)).toBe('ok');
      }
      return client.zrem(...args);
    }) as Redis['zrem'];
    await idsOf(new RedisStore({ client: slow, prefix }), '7');
    expect(overtaken).toBe(true);
    expect(await idsOf(store, '7')).toEqual(['a']);
  });

  it('has a session that came to be somebody’s by a write whose reply was lost', async () => {
    await store.create('a', record());
    // The command is sent again, and finds what it has done itself.
    const again = Object.create(client) as Redis;
    again.evalsha = (async (...args: Parameters<Redis['evalsha']>) => {
      await client.evalsha(...args);
      return client.evalsha(...args);
    }) as Redis['evalsha'];
    const { revision } = (await store.load('a'))!;
    // So that the server knows the script.
    await store.replace('a', record(), 'another').catch(() => undefined);
    expect(await new RedisStore({ client: again, prefix }).replace('a', record('7'), revision)).toBe('conflict');
    expect(await idsOf(store, '7')).toEqual(['a']);
  });

  it('takes an entry away again that a conflict left behind', async () => {
    await store.create('a', record());
    const { revision } = (await store.load('a'))!;
    expect(await store.replace('a', record('8'), revision)).toBe('ok');
    expect(await store.replace('a', record('7'), revision)).toBe('conflict');
    expect(await idsOf(store, '7')).toEqual([]);
    expect(await idsOf(store, '8')).toEqual(['a']);
    expect(await entriesOf('7')).toEqual([]);
  });
}

describeWithServer('redis', (server) => healing(() => new Redis(server.url)), 'The index heals on one server');
describeWithServer(
  'redis-cluster',
  (server) => {
    healing(() => new Cluster(server.addresses));

    it('gets the entry of a new session after the session, so that no list takes it for stale', async () => {
      const client = new Cluster(server.addresses);
      const prefix = `${uniqueName()}:`;
      const store = new RedisStore({ client, prefix });
      const slow = Object.create(client) as Cluster;
      let listed = false;
      slow.set = (async (...args: Parameters<Cluster['set']>) => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        expect(await idsOf(store, '7')).toEqual([]);
        listed = true;
        return client.set(...args);
      }) as Cluster['set'];
      await new RedisStore({ client: slow, prefix }).create('a', record('7'));
      expect(listed).toBe(true);
      expect(await idsOf(store, '7')).toEqual(['a']);
      await store.clear();
      client.disconnect();
    });
  },
  'The index heals in a cluster',
);

// A server of its own: the counts are the whole server's.
describeWithProgram('redis', () => {
  describe('10 000 sessions of 1 000 principals', () => {
    let server: PrivateServer;
    let client: Redis;
    let store: RedisStore;

    beforeAll(async () => {
      server = await startRedis();
      client = new Redis(server.url);
      store = new RedisStore({ client });
      const all = Array.from({ length: 10_000 }, (_, n) => store.create(`s${n}`, record(`u${n % 1000}`)));
      await Promise.all(all);
    });
    afterAll(async () => {
      client.disconnect();
      await server.stop();
    });

    const counted = async (work: () => Promise<unknown>): Promise<Record<string, number>> => {
      const keysRead = async (): Promise<number> => {
        const stats = await client.info('stats');
        return Number(/keyspace_hits:(\d+)/.exec(stats)![1]) + Number(/keyspace_misses:(\d+)/.exec(stats)![1]);
      };
      const before = await keysRead();
      await client.config('RESETSTAT');
      await work();
      const calls = [...(await client.info('commandstats')).matchAll(/cmdstat_([\w|]+):calls=(\d+)/g)];
      expect(before).toBeGreaterThanOrEqual(0);
      const entries = calls.map(([, name, n]) => [name!, Number(n)] as const);
      return {
        ...Object.fromEntries(entries.filter(([name]) => !/config|info/.test(name))),
        keysRead: await keysRead(),
      };
    };

    it('are not touched by a list of one: its index and its ten records are read', async () => {
      const counts = await counted(async () => expect((await idsOf(store, 'u7')).length).toBe(10));
      expect(counts).toEqual({ zrange: 1, mget: 1, keysRead: 11 });
    });

    it('are counted and walked through, each once, in steps of scanCount', async () => {
      const counts = await counted(async () => expect(await store.count()).toBe(10_000));
      expect(counts['scan']).toBeGreaterThan(50);
      expect(counts['scan']).toBeLessThan(250);
      expect((await idsOf(store)).length).toBe(10_000);
    });

    it('cost one command a read, one a change without a principal, two the first change of one with a principal in a process', async () => {
      await store.create('none', record());
      expect(await counted(() => store.load('none'))).toEqual({ get: 1, keysRead: 1 });
      const { revision } = (await store.load('none'))!;
      const plain = await counted(async () => expect(await store.replace('none', record(), revision)).toBe('ok'));
      expect(plain['evalsha']).toBe(1);
      const mine = (await store.load('s7'))!;
      const other = new RedisStore({ client });
      const owned = await counted(async () =>
        expect(await other.replace('s7', record('u7'), mine.revision)).toBe('ok'),
      );
      expect(owned['evalsha']).toBe(2);
    });

    it('cost one command for most changes of a session whose facts tell its end, as the engine writes them', async () => {
      const step = 600_000;
      const base = (Math.floor(Date.now() / step) + 10) * step;
      const ending = (at: number): SessionRecord => ({
        text: JSON.stringify({ cookie: {}, __keycard: { e: at, p: 'busy' } }),
        expiresAt: at,
        principal: 'busy',
      });
      await store.create('busy', ending(base + 1));
      const scripts: (number | undefined)[] = [];
      for (const at of [2, step - 1, step, 2 * step]) {
        const { revision } = (await store.load('busy'))!;
        const change = async () => expect(await store.replace('busy', ending(base + at), revision)).toBe('ok');
        scripts.push((await counted(change))['evalsha']);
      }
      expect(scripts).toEqual([1, 1, 2, 2]);
      const entry = Number(await client.zscore('keycard:sess:by-principal:busy', 'busy'));
      expect(entry).toBeGreaterThan(base + 2 * step);
      expect(await client.pttl('keycard:sess:by-principal:busy')).toBeGreaterThan(entry - Date.now());
    });

    it('share one command if they are read at once', async () => {
      const ids = Array.from({ length: 40 }, (_, n) => `s${n}`);
      const counts = await counted(async () => {
        const found = await Promise.all(ids.map((id) => store.load(id)));
        expect(found.every((one) => one !== undefined)).toBe(true);
      });
      expect(counts).toEqual({ mget: 1, keysRead: 40 });
    });
  });
});
