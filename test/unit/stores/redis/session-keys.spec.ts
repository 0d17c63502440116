import { describe, expect, it } from '@jest/globals';
import type { RedisDriver } from '../../../../lib/stores/redis/redis-client.js';
import type { RedisScript } from '../../../../lib/stores/redis/scripts.js';
import { SessionKeys } from '../../../../lib/stores/redis/session-keys.js';
import { SessionStoreError } from '../../../../lib/stores/session-store.error.js';

/** A server that only reads and swaps, and writes down each command. */
class Server {
  readonly commands: string[] = [];
  single = true;
  /** Commands and ids that fail. */
  failing: Record<string, Error> = {};
  /** What it answers to the swap of a key. */
  replies: Record<string, unknown> = {};
  refusal: Error | undefined;

  get keys(): SessionKeys {
    return new SessionKeys(this as unknown as RedisDriver, 'sess:', 100);
  }

  async get(key: string): Promise<string | null> {
    const id = idOf(key);
    this.commands.push(`GET ${id}`);
    if (this.failing[id]) throw this.failing[id];
    return textOf(id);
  }

  async mget(keys: string[]): Promise<(string | null)[]> {
    this.commands.push(`MGET ${keys.length}`);
    if (this.failing['MGET']) throw this.failing['MGET'];
    return keys.map((key) => textOf(idOf(key)));
  }

  async run(script: RedisScript, key: string, args: string[]): Promise<unknown> {
    return this.runTogether(script, [key], args);
  }

  async runTogether(_script: RedisScript, keys: string[], args: string[]): Promise<unknown> {
    this.commands.push(`${keys.length} keys, ${args.length} arguments`);
    if (this.refusal !== undefined && keys.length > 1) throw this.refusal;
    return keys.map((key) => this.replies[key] ?? 2);
  }
}

const idOf = (key: string): string => key.slice('sess:'.length);
const textOf = (id: string): string | null => (id === 'none' ? null : `text of ${id}`);

const swapAll = (keys: SessionKeys, ids: string[]) =>
  Promise.allSettled(ids.map((id) => keys.swap(id, 'before', 'after', 1_000)));

describe('SessionKeys', () => {
  it('reads one key with GET', async () => {
    const server = new Server();
    expect(await server.keys.read('a')).toBe('text of a');
    expect(server.commands).toEqual(['GET a']);
  });

  it('reads with one MGET what is asked in one turn, also from different microtasks', async () => {
    const server = new Server();
    const { keys } = server;
    const later = Promise.resolve().then(() => keys.read('c'));
    expect(await Promise.all([keys.read('a'), keys.read('none'), later])).toEqual(['text of a', null, 'text of c']);
    expect(server.commands).toEqual(['MGET 3']);
  });

  it('does not keep the next turn waiting for the answer to the last', async () => {
    const server = new Server();
    const { keys } = server;
    let answer!: () => void;
    server.get = () => new Promise((resolve) => (answer = () => resolve('late')));
    const first = keys.read('a');
    await new Promise((resolve) => setImmediate(resolve));
    expect(await Promise.all([keys.read('b'), keys.read('c')])).toEqual(['text of b', 'text of c']);
    answer();
    expect(await first).toBe('late');
  });

  it('sends no more than 256 keys at once', async () => {
    const server = new Server();
    const { keys } = server;
    const texts = await Promise.all(Array.from({ length: 600 }, (_, n) => keys.read(String(n))));
    expect(texts[599]).toBe('text of 599');
    expect(server.commands).toEqual(['MGET 256', 'MGET 256', 'MGET 88']);
  });

  it('fails all reads of a batch with the error that callers know, and none of the next', async () => {
    const server = new Server();
    const { keys } = server;
    server.failing = { MGET: new Error('Connection is closed.') };
    const results = await Promise.allSettled([keys.read('a'), keys.read('b')]);
    for (const result of results) {
      expect((result as PromiseRejectedResult).reason).toBeInstanceOf(SessionStoreError);
      expect((result as PromiseRejectedResult).reason).toMatchObject({ code: 'UNAVAILABLE' });
    }
    server.failing = {};
    expect(await Promise.all([keys.read('a'), keys.read('b')])).toEqual(['text of a', 'text of b']);
  });

  it.each([
    'CROSSSLOT Keys in request do not hash to the same slot',
    'NOPERM this user has no permissions',
    "ERR unknown command 'mget'",
  ])('reads one by one from then on where a server says %s', async (message) => {
    const server = new Server();
    const { keys } = server;
    server.failing = { MGET: new Error(message) };
    for (let round = 0; round < 2; round++) {
      expect(await Promise.all([keys.read('a'), keys.read('b')])).toEqual(['text of a', 'text of b']);
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
    const { keys } = server;
    const [a, b, c] = await Promise.allSettled(['a', 'b', 'c'].map((key) => keys.read(key)));
    expect([a, c]).toEqual([
      { status: 'fulfilled', value: 'text of a' },
      { status: 'fulfilled', value: null },
    ]);
    expect((b as PromiseRejectedResult).reason).toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('fails a swap that the server refused, and no other of its turn', async () => {
    const server = new Server();
    server.replies = { 'sess:b': 'OOM command not allowed', 'sess:c': 1, 'sess:d': 0 };
    const [a, b, ...others] = await swapAll(server.keys, ['a', 'b', 'c', 'd']);
    expect(a).toEqual({ status: 'fulfilled', value: 'ok' });
    expect((b as PromiseRejectedResult).reason).toMatchObject({ code: 'REFUSED' });
    expect(others.map((each) => (each as PromiseFulfilledResult<string>).value)).toEqual(['conflict', 'gone']);
    expect(server.commands).toEqual(['4 keys, 12 arguments']);
  });

  it.each(['CROSSSLOT Keys in request do not hash to the same slot', 'NOPERM no'])(
    'swaps one by one from then on if a server says %s',
    async (message) => {
      const server = new Server();
      server.refusal = new Error(message);
      const { keys } = server;
      for (let round = 0; round < 2; round++)
        for (const each of await swapAll(keys, ['a', 'b'])) expect(each).toEqual({ status: 'fulfilled', value: 'ok' });
      const alone = '1 keys, 3 arguments';
      expect(server.commands).toEqual(['2 keys, 6 arguments', alone, alone, alone, alone]);
    },
  );

  it('fails all swaps of a turn if their outcome is not known', async () => {
    const server = new Server();
    server.refusal = new Error('Connection is closed.');
    for (const each of await swapAll(server.keys, ['a', 'b']))
      expect((each as PromiseRejectedResult).reason).toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('swaps one by one in a cluster', async () => {
    const server = new Server();
    server.single = false;
    await swapAll(server.keys, ['a', 'b']);
    expect(server.commands).toEqual(['1 keys, 3 arguments', '1 keys, 3 arguments']);
  });
});
