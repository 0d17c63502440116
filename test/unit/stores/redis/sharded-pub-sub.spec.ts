import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { ShardedPubSub } from '../../../../lib/stores/redis/sharded-pub-sub.js';

const plain = async (): Promise<string> => 'plain';
const fails = (message: string) => async (): Promise<string> => {
  throw new Error(message);
};

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

it('uses the shard', async () => {
  expect(await new ShardedPubSub().or(plain, async () => 'sharded')).toBe('sharded');
});

it('uses all servers if they do not know the commands, and asks again after a minute', async () => {
  const pubSub = new ShardedPubSub();
  const sharded = jest.fn(fails("ERR unknown command 'SPUBLISH'"));
  for (let n = 0; n < 2; n += 1) expect(await pubSub.or(plain, sharded)).toBe('plain');
  expect(sharded).toHaveBeenCalledTimes(1);
  jest.advanceTimersByTime(60_000);
  expect(await pubSub.or(plain, async () => 'sharded')).toBe('sharded');
});

it('throws any other error', async () => {
  await expect(new ShardedPubSub().or(plain, fails('down'))).rejects.toThrow('down');
});
