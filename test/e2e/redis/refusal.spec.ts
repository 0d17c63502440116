import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { inspect } from 'node:util';
import { createClient } from 'redis';
import { RedisStore } from '../../../lib/stores/redis/index.js';
import { SessionStoreError } from '../../../lib/stores/session-store.error.js';
import { startRedis } from '../../support/servers/redis.mjs';
import type { PrivateServer } from '../../support/servers/process.mjs';
import { describeWithProgram } from '../../support/servers/available.js';

const record = (data: object = {}, principal?: string) => ({
  text: JSON.stringify({ cookie: {}, ...data, __keycard: { p: principal } }),
  expiresAt: Date.now() + 60_000,
  principal,
});

const failure = async (work: Promise<unknown>): Promise<SessionStoreError> => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SessionStoreError);
  return error as SessionStoreError;
};

// A server of its own: users and the script cache belong to the whole server.
describeWithProgram('redis', () => {
  let server: PrivateServer;
  let admin: Redis;
  const clients: Redis[] = [];

  const storeAs = async (user: string, ...rules: string[]): Promise<RedisStore> => {
    await admin.call('ACL', 'SETUSER', user, 'reset', 'on', '>pass', '+@connection', '+info', ...rules);
    const client = new Redis(server.url, { username: user, password: 'pass' });
    clients.push(client);
    return new RedisStore({ client });
  };

  beforeAll(async () => {
    server = await startRedis();
    admin = new Redis(server.url);
  });
  afterAll(async () => {
    for (const client of clients) client.disconnect();
    admin.disconnect();
    await server.stop();
  });
  beforeEach(async () => {
    await admin.flushall();
  });

  it('says at open() and at every write that scripts are refused to its user, and still reads', async () => {
    const store = await storeAs('noscript', '~*', '+@all', '-@scripting');
    for (const work of [
      () => store.open(),
      () => store.replace('a', record(), '{}'),
      () => store.destroy('a', '{}'),
      () => store.destroy('a'),
    ]) {
      const error = await failure(work());
      expect(error.code).toBe('REFUSED');
      expect(error.message).toMatch(/NOPERM.*Lua scripts.*\+eval/);
      expect(error.cause).toBeInstanceOf(Error);
    }
    await store.create('a', record({ n: 1 }));
    expect((await store.load('a'))?.text).toContain('"n":1');
  });

  it('never takes a session for gone because its script may not read it', async () => {
    await admin.set('sess:a', '{"cookie":{}}');
    const store = await storeAs('noget', '~*', '+@all', '-get');
    expect((await failure(store.replace('a', record(), '{"cookie":{}}'))).code).toBe('REFUSED');
    expect(await admin.get('sess:a')).toBe('{"cookie":{}}');
  });

  it('says at open() that the index is refused to a user who may touch sessions only', async () => {
    const store = await storeAs('sessonly', '~sess:*', '+@all');
    expect((await failure(store.open())).message).toMatch(/docs\/stores\/redis\.md/);
    expect((await failure(store.create('a', record({}, '7')))).code).toBe('REFUSED');
  });

  it('reads one by one if several keys at once are refused', async () => {
    const store = await storeAs('nomget', '~*', '+@all', '-mget');
    const ids = ['a', 'b', 'c'];
    for (const id of ids) await store.create(id, record({ id }));
    const found = await Promise.all([...ids, 'none'].map((id) => store.load(id)));
    expect(found.map((one) => one && (JSON.parse(one.text) as { id: string }).id)).toEqual(['a', 'b', 'c', undefined]);
  });

  it('gets along with the rights that its page lists', async () => {
    const listed = ['+get', '+mget', '+set', '+del', '+unlink', '+scan', '+eval', '+evalsha', '+pexpire'];
    const sortedSets = ['+zadd', '+zscore', '+zrem', '+zrange', '+zrevrange', '+zremrangebyscore'];
    const store = await storeAs('listed', '~sess:*', '~keycard:*', ...listed, ...sortedSets);
    await store.open();
    await store.create('a', record({}, '7'));
    const { revision } = (await store.load('a'))!;
    expect(await store.replace('a', record({}, '8'), revision)).toBe('ok');
    expect(await store.count({ principal: '8' })).toBe(1);
    expect(await store.count()).toBe(1);
    expect(await store.destroy('a')).toBe('ok');
    await store.clear();
  });

  it('refuses to write into a full server, with the reason', async () => {
    const store = new RedisStore({ client: admin });
    await admin.config('SET', 'maxmemory', '1mb');
    try {
      const error = await failure(store.create('a', record({ blob: 'x'.repeat(2_000_000) })));
      expect(error.code).toBe('REFUSED');
      expect(error.message).toMatch(/OOM/);
    } finally {
      await admin.config('SET', 'maxmemory', '0');
    }
  });

  it.each(['ioredis', 'node-redis'])('continues when the server forgets the scripts, on %s', async (kind) => {
    const plain = kind === 'ioredis' ? undefined : await createClient({ url: server.url }).connect();
    const store = new RedisStore({ client: plain ?? admin });
    await store.create('a', record({ n: 0 }, '7'));
    const script = async (...args: string[]) => String(await admin.call('SCRIPT', ...args));
    for (let n = 1; n <= 6; n++) {
      expect(await script('FLUSH')).toBe('OK');
      const { revision } = (await store.load('a'))!;
      const all = Array.from({ length: 4 }, () => store.replace('a', record({ n }, '7'), revision));
      if (n % 2 === 0) await script('FLUSH');
      expect((await Promise.all(all)).filter((result) => result === 'ok').length).toBe(1);
    }
    expect((await store.load('a'))?.text).toContain('"n":6');
    plain?.destroy();
  });

  it('sends a script in full once, and by its hash from then on', async () => {
    const store = new RedisStore({ client: admin });
    await admin.call('SCRIPT', 'FLUSH');
    await admin.config('RESETSTAT');
    await store.create('a', record());
    for (let n = 0; n < 5; n++) await store.replace('a', record({ n }), (await store.load('a'))!.revision);
    const stats = await admin.info('commandstats');
    expect(stats).toMatch(/cmdstat_eval:calls=1,/);
    expect(stats).toMatch(/cmdstat_evalsha:calls=5,/);
  });

  it('tells neither ids nor session data in an error', async () => {
    await admin.call('ACL', 'SETUSER', 'blind', 'reset', 'on', '>pass', '+@connection', '+info', '~other:*', '+@all');
    const client = new Redis(server.url, { username: 'blind', password: 'pass' });
    clients.push(client);
    const store = new RedisStore({ client });
    const id = 'SecretIdOfSomebody';
    const works = [
      () => store.load(id),
      () => store.create(id, record({ pin: '4711' })),
      () => store.replace(id, record({ pin: '4711' }), '{"pin":4711}'),
    ];
    for (const work of works) {
      const shown = inspect(await failure(work()), { depth: 9, showHidden: true });
      expect(shown).toContain('NOPERM');
      expect(shown).not.toMatch(/SecretId|4711/);
    }
  });

  it('tells none if a proxy or an old server does not know the command either', async () => {
    const unknown = new Error("ERR unknown command 'evalsha', with args beginning with: 'sha' '1' 'sess:SecretId' ");
    const client = Object.assign(Object.create(admin) as Redis, { evalsha: () => Promise.reject(unknown) });
    const error = await failure(new RedisStore({ client }).destroy('SecretId'));
    expect(error.code).toBe('REFUSED');
    expect(error.message).toMatch(/Lua scripts/);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('SecretId');
  });
});
