import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { RedisStore as ConnectRedis } from 'connect-redis';
import type { SessionData } from 'express-session';
import { Redis } from 'ioredis';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient } from 'redis';
import { RedisStore } from '../../../lib/stores/redis/index.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

interface Vector {
  readonly description: string;
  readonly keys?: string[];
  readonly value?: string | string[] | null;
  readonly valueBytesHex?: string | null;
  readonly ttlSeconds?: number;
  readonly getReturns?: Record<string, unknown>;
}

const NOW = Date.parse('2026-01-01T00:00:00.000Z');
const DAY = 86_400_000;

const captured = JSON.parse(await readFile(join(import.meta.dirname, '..', '..', 'vectors', 'redis.json'), 'utf8')) as {
  readonly vectors: Vector[];
};

describeWithServer('redis', (server) => {
  let client: Redis;
  let plain: Awaited<ReturnType<typeof connectPlain>>;
  let space: string;

  const connectPlain = () => createClient({ url: server.url }).connect();
  // The clock stands, as it did when the vectors were captured; the server's own goes on, which lives in seconds don't show.
  const storeOf = (prefix = `${space}:sess:`) => new RedisStore({ client, prefix, clock: { now: () => NOW } });
  const valueOf = (vector: Vector): string => vector.value as string;

  beforeAll(async () => {
    client = new Redis(server.url);
    plain = await connectPlain();
  });
  afterAll(() => {
    client.disconnect();
    plain.destroy();
  });
  beforeEach(() => {
    space = uniqueName();
  });
  afterEach(async () => {
    const keys = [...(await client.keys(`${space}*`)), ...(await client.keys(`keycard:${space}*`))];
    if (keys.length > 0) await client.unlink(...keys);
  });

  describe('the captured format of connect-redis', () => {
    const withValue = captured.vectors.filter((vector) => typeof vector.value === 'string');
    const vector = (description: string): Vector => {
      const found = captured.vectors.find((one) => one.description.includes(description));
      if (found === undefined) throw new Error(`No captured case: ${description}`);
      return found;
    };

    /** That a key was given so many seconds, after `from`. */
    const expectLife = async (key: string, seconds: number, from: number): Promise<void> => {
      const left = await client.pttl(key);
      expect(left).toBeLessThanOrEqual(seconds * 1_000);
      expect(seconds * 1_000 - left).toBeLessThanOrEqual(performance.now() - from + 2);
    };

    it('is here in full', () => {
      expect(captured.vectors.length).toBe(6);
      expect(withValue.length).toBe(2);
    });

    it.each(withValue)('is written to the byte: $description', async (one) => {
      const from = performance.now();
      await storeOf().create('abc123', { text: valueOf(one), expiresAt: NOW + one.ttlSeconds! * 1000 });
      expect((await client.keys(`${space}*`)).map((key) => key.slice(space.length + 1))).toEqual(one.keys);
      expect((await client.getBuffer(`${space}:sess:abc123`))?.toString('hex')).toBe(one.valueBytesHex);
      await expectLife(`${space}:sess:abc123`, one.ttlSeconds!, from);
    });

    it.each(withValue)('is read: $description', async (one) => {
      await client.set(`${space}:sess:abc123`, valueOf(one), 'EX', 60);
      expect(JSON.parse((await storeOf().load('abc123'))?.text ?? '')).toEqual(one.getReturns);
    });

    it.each(withValue)('keeps the value and moves the expiry on a touch: $description', async (one) => {
      await client.set(`${space}:sess:abc123`, valueOf(one), 'EX', 60);
      const { text, revision } = (await storeOf().load('abc123'))!;
      const from = performance.now();
      expect(await storeOf().replace('abc123', { text, expiresAt: NOW + DAY }, revision)).toBe('ok');
      expect(await client.get(`${space}:sess:abc123`)).toBe(one.value);
      await expectLife(`${space}:sess:abc123`, 86_400, from);
    });

    it('leaves no key for a session that has expired already', async () => {
      const { ttlSeconds, keys } = vector('already expired');
      await storeOf().create('abc123', { text: '{"cookie":{}}', expiresAt: NOW - 1000 });
      expect(await client.keys(`${space}*`)).toEqual(keys);
      expect(await client.ttl(`${space}:sess:abc123`)).toBe(ttlSeconds);
    });

    it('deletes the key of a session that is replaced by an expired one', async () => {
      await client.set(`${space}:sess:abc123`, '{"cookie":{}}');
      const { revision } = (await storeOf().load('abc123'))!;
      await storeOf().replace('abc123', { text: '{"cookie":{}}', expiresAt: NOW }, revision);
      expect(await client.exists(`${space}:sess:abc123`)).toBe(0);
    });

    it('may have keys without an expiry (disableTTL): they are read, and get one when written', async () => {
      await client.set(`${space}:sess:abc123`, '{"cookie":{}}');
      expect(await client.ttl(`${space}:sess:abc123`)).toBe(vector('disableTTL').ttlSeconds);
      const { text, revision } = (await storeOf().load('abc123'))!;
      const from = performance.now();
      await storeOf().replace('abc123', { text, expiresAt: NOW + 1500 }, revision);
      await expectLife(`${space}:sess:abc123`, 1.5, from);
    });

    it('has nothing for an id that is missing', async () => {
      expect(await storeOf().load('nope')).toBeUndefined();
    });

    it('shows ids without the prefix', async () => {
      await client.set(`${space}:sess:abc123`, '{"cookie":{}}');
      const ids: string[] = [];
      for await (const { id } of storeOf().list()) ids.push(id);
      expect(ids).toEqual(vector('ids()').value);
    });

    it('gives a record that names no end the default life', async () => {
      const store = new RedisStore({ client, prefix: `${space}:`, ttl: 90 });
      const from = performance.now();
      await store.create('abc123', { text: '{"cookie":{}}', expiresAt: Infinity, principal: '7' });
      await expectLife(`${space}:abc123`, 90, from);
    });
  });

  describe('connect-redis on the same keys', () => {
    const peerOf = (prefix = `${space}:sess:`) => new ConnectRedis({ client: plain, prefix });
    const session = (data: object): SessionData =>
      ({
        cookie: { originalMaxAge: DAY, expires: new Date(Date.now() + DAY), httpOnly: true, path: '/' },
        ...data,
      }) as never;
    const live = () => new RedisStore({ client, prefix: `${space}:sess:` });

    it('reads, changes and lists what this store wrote, and sees none of its index', async () => {
      const text = JSON.stringify({ cookie: {}, cart: [1], __keycard: { v: 1, p: '7' } });
      await live().create('ours', { text, expiresAt: Date.now() + DAY, principal: '7' });
      const read = (await peerOf().get('ours')) as unknown as { cart: number[] };
      expect(read).toEqual(JSON.parse(text));
      await peerOf().set('ours', session({ ...read, cart: [1, 2], added: true }));
      expect(JSON.parse((await live().load('ours'))!.text)).toMatchObject({ cart: [1, 2], added: true });
      expect(await peerOf().ids()).toEqual(['ours']);
      expect(await peerOf().length()).toBe(1);
      expect(await peerOf().all()).toMatchObject([{ id: 'ours', cart: [1, 2] }]);
    });

    it('is read, changed and listed by this store', async () => {
      await peerOf().set('theirs', session({ user: { id: 7 } }));
      const { text, revision } = (await live().load('theirs'))!;
      expect(JSON.parse(text)).toMatchObject({ user: { id: 7 }, cookie: { originalMaxAge: DAY } });
      const next = JSON.stringify({ ...(JSON.parse(text) as object), views: 1 });
      expect(await live().replace('theirs', { text: next, expiresAt: Date.now() + DAY }, revision)).toBe('ok');
      expect(await peerOf().get('theirs')).toMatchObject({ user: { id: 7 }, views: 1 });
      expect(await live().count()).toBe(1);
    });

    it('makes a conflict of what it wrote in between, a touch of its own is none', async () => {
      await peerOf().set('both', session({ n: 1 }));
      const before = (await live().load('both'))!;
      await peerOf().touch('both', session({ n: 1 }));
      const record = { text: '{"cookie":{},"n":2}', expiresAt: Date.now() + DAY };
      expect(await live().replace('both', record, before.revision)).toBe('ok');
      await peerOf().set('both', session({ n: 3 }));
      expect(await live().replace('both', record, before.revision)).toBe('conflict');
    });

    it('ends what either of them destroys', async () => {
      await peerOf().set('a', session({}));
      await live().create('b', { text: '{"cookie":{}}', expiresAt: Date.now() + DAY });
      expect(await live().destroy('a')).toBe('ok');
      await peerOf().destroy('b');
      expect(await peerOf().get('a')).toBeNull();
      expect(await live().destroy('b')).toBe('gone');
    });

    it('keeps a principal in the index when it puts data after our facts', async () => {
      const text = JSON.stringify({ cookie: {}, __keycard: { v: 1, p: '7' } });
      await live().create('ours', { text, expiresAt: Date.now() + DAY, principal: '7' });
      await peerOf().set(
        'ours',
        session({ ...((await peerOf().get('ours')) as object), later: '"__keycard":{"p":"8"}' }),
      );
      expect(await live().count({ principal: '7' })).toBe(1);
    });
  });

  describe('what is no session of ours', () => {
    const garbage: Record<string, (key: string) => Promise<unknown>> = {
      'a list': (key) => client.rpush(key, 'x'),
      'a hash': (key) => client.hset(key, 'a', 'b'),
      'a sorted set': (key) => client.zadd(key, 1, 'x'),
      'bytes that are no text': (key) => client.set(key, Buffer.from('7b2261223a22fffe22c37d', 'hex')),
      'an empty text': (key) => client.set(key, ''),
    };

    it.each(Object.keys(garbage))('is missing, is never written over and harms no other read: %s', async (what) => {
      const store = storeOf();
      const key = `${space}:sess:bad`;
      await garbage[what]!(key);
      const before = await client.dumpBuffer(key);
      await store.create('good', { text: '{"cookie":{}}', expiresAt: NOW + DAY });
      const loads = await Promise.all(['good', 'bad', 'good'].map((id) => store.load(id)));
      expect(loads.map((found) => found?.text)).toEqual(['{"cookie":{}}', undefined, '{"cookie":{}}']);
      expect(await store.load('bad')).toBeUndefined();
      const record = { text: '{"cookie":{},"a":1}', expiresAt: NOW + DAY };
      await expect(store.create('bad', record)).rejects.toMatchObject({ code: 'ID_TAKEN' });
      expect(await store.replace('bad', record, '{"cookie":{}}')).not.toBe('ok');
      expect(await client.dumpBuffer(key)).toEqual(before);
      const ids: string[] = [];
      for await (const { id } of store.list()) ids.push(id);
      expect(ids).toEqual(['good']);
    });

    it('may be a letter that looks like a decoding error: that is a text like any other', async () => {
      const text = JSON.stringify({ cookie: {}, odd: '\ufffd' });
      await storeOf().create('odd', { text, expiresAt: NOW + DAY });
      expect((await storeOf().load('odd'))?.text).toBe(text);
    });

    it('leaves other prefixes alone when everything is cleared', async () => {
      const [mine, other] = [storeOf(`${space}:a*:`), storeOf(`${space}:ab:`)];
      const record = { text: '{"cookie":{},"__keycard":{"p":"7"}}', expiresAt: NOW + DAY, principal: '7' };
      await mine.create('x', record);
      await other.create('x', record);
      await mine.clear();
      expect(await mine.count()).toBe(0);
      expect(await other.count()).toBe(1);
      expect(await other.count({ principal: '7' })).toBe(1);
      expect((await client.keys(`*${space}*`)).sort()).toEqual(
        [`${space}:ab:x`, `keycard:${space}:ab:by-principal:7`].sort(),
      );
    });
  });
});
