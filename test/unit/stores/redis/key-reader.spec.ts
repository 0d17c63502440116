import { describe, expect, it } from '@jest/globals';
import { KeyReader } from '../../../../lib/stores/redis/key-reader.js';
import type { RedisDriver } from '../../../../lib/stores/redis/redis-client.js';
import { SessionStoreError } from '../../../../lib/stores/session-store.error.js';

/** A server of which only reads are asked, and which writes down each command. */
class Server {
  readonly commands: string[] = [];
  single = true;
  failing: Record<string, Error> = {};

  get driver(): RedisDriver {
    return this as unknown as RedisDriver;
  }

  async get(key: string): Promise<string | null> {
    this.commands.push(`GET ${key}`);
    const failure = this.failing[key] ?? this.failing['GET'];
    if (failure) throw failure;
    return key === 'none' ? null : `text of ${key}`;
  }

  async mget(keys: string[]): Promise<(string | null)[]> {
    this.commands.push(`MGET ${keys.length}`);
    if (this.failing['MGET']) throw this.failing['MGET'];
    return keys.map((key) => (key === 'none' ? null : `text of ${key}`));
  }
}

describe('KeyReader', () => {
  it('reads one key with GET', async () => {
    const server = new Server();
    expect(await new KeyReader(server.driver).read('a')).toBe('text of a');
    expect(server.commands).toEqual(['GET a']);
  });

  it('reads with one MGET what is asked in one turn, also from different microtasks', async () => {
    const server = new Server();
    const reader = new KeyReader(server.driver);
    const later = Promise.resolve().then(() => reader.read('c'));
    expect(await Promise.all([reader.read('a'), reader.read('none'), later])).toEqual(['text of a', null, 'text of c']);
    expect(server.commands).toEqual(['MGET 3']);
  });

  it('does not keep the next turn waiting for the answer to the last', async () => {
    const server = new Server();
    const reader = new KeyReader(server.driver);
    let answer!: () => void;
    server.get = (key) => {
      server.commands.push(`GET ${key}`);
      return new Promise((resolve) => (answer = () => resolve(key)));
    };
    const first = reader.read('a');
    await new Promise((resolve) => setImmediate(resolve));
    expect(await Promise.all([reader.read('b'), reader.read('c')])).toEqual(['text of b', 'text of c']);
    answer();
    expect(await first).toBe('a');
  });

  it('sends no more than 256 keys at once', async () => {
    const server = new Server();
    const reader = new KeyReader(server.driver);
    const texts = await Promise.all(Array.from({ length: 600 }, (_, n) => reader.read(String(n))));
    expect(texts[599]).toBe('text of 599');
    expect(server.commands).toEqual(['MGET 256', 'MGET 256', 'MGET 88']);
  });

  it('fails all reads of a batch with the error that callers know, and none of the next', async () => {
    const server = new Server();
    const reader = new KeyReader(server.driver);
    server.failing = { MGET: new Error('Connection is closed.') };
    const results = await Promise.allSettled([reader.read('a'), reader.read('b')]);
    for (const result of results) {
      expect((result as PromiseRejectedResult).reason).toBeInstanceOf(SessionStoreError);
      expect((result as PromiseRejectedResult).reason).toMatchObject({ code: 'UNAVAILABLE' });
    }
    server.failing = {};
    expect(await Promise.all([reader.read('a'), reader.read('b')])).toEqual(['text of a', 'text of b']);
  });

  it.each([
    'CROSSSLOT Keys in request do not hash to the same slot',
    'NOPERM this user has no permissions',
    "ERR unknown command 'mget'",
  ])('reads one by one from then on where a server says %s', async (message) => {
    const server = new Server();
    const reader = new KeyReader(server.driver);
    server.failing = { MGET: new Error(message) };
    for (let round = 0; round < 2; round++) {
      expect(await Promise.all([reader.read('a'), reader.read('b')])).toEqual(['text of a', 'text of b']);
    }
    expect(server.commands).toEqual(['MGET 2', 'GET a', 'GET b', 'GET a', 'GET b']);
  });

  it('reads keys one by one in a cluster, so that a key that fails harms no other', async () => {
    const server = new Server();
    server.single = false;
    server.failing = {
      b: new Error('CLUSTERDOWN The cluster is down'),
      c: new Error('WRONGTYPE Operation against a key'),
    };
    const reader = new KeyReader(server.driver);
    const [a, b, c] = await Promise.allSettled(['a', 'b', 'c'].map((key) => reader.read(key)));
    expect([a, c]).toEqual([
      { status: 'fulfilled', value: 'text of a' },
      { status: 'fulfilled', value: null },
    ]);
    expect((b as PromiseRejectedResult).reason).toMatchObject({ code: 'UNAVAILABLE' });
  });
});
