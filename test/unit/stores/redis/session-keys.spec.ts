import { describe, expect, it } from '@jest/globals';
import type { RedisDriver } from '../../../../lib/stores/redis/redis-client.js';
import type { RedisScript } from '../../../../lib/stores/redis/scripts.js';
import { SessionKeys } from '../../../../lib/stores/redis/session-keys.js';

/** A server that only swaps, and writes down with how many keys. */
class Server {
  readonly commands: string[] = [];
  single = true;
  /** What it answers for a key. */
  replies: Record<string, unknown> = {};
  refusal: Error | undefined;

  get keys(): SessionKeys {
    return new SessionKeys(this as unknown as RedisDriver, 'sess:', 100);
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

const swapAll = (keys: SessionKeys, ids: string[]) =>
  Promise.allSettled(ids.map((id) => keys.swap(id, 'before', 'after', 1_000)));

describe('SessionKeys', () => {
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
