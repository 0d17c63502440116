import { expect, it } from '@jest/globals';

import { KeyedQueue, type TaskQueue } from '../../../lib/common/keyed-queue.js';

function gate(): { open: () => void; wait: Promise<void> } {
  let open = (): void => undefined;
  const wait = new Promise<void>((resolve) => (open = resolve));
  return { open, wait };
}

it('runs what has one key in order, and what has another at once', async () => {
  const queue = new KeyedQueue();
  const [first, said] = [gate(), [] as string[]];
  const one = queue.run('a', () => first.wait.then(() => said.push('a1')));
  const two = queue.run('a', async () => said.push('a2'));
  await queue.run('b', async () => said.push('b'));
  expect(said).toEqual(['b']);
  first.open();
  await Promise.all([one, two]);
  expect(said).toEqual(['b', 'a1', 'a2']);
});

it('continues after a failure, which only its own caller sees', async () => {
  const queue = new KeyedQueue();
  const failing = queue.run('a', () => Promise.reject(new Error('no')));
  const next = queue.run('a', () => Promise.resolve('yes'));
  await expect(failing).rejects.toThrow('no');
  await expect(next).resolves.toBe('yes');
});

it('keeps nothing of a key that is done', async () => {
  const queue = new KeyedQueue();
  const { queues } = queue as unknown as { queues: Map<string, TaskQueue> };
  const running = ['a', 'a', 'b'].map((key) => queue.run(key, async () => undefined));
  // An old table of the map may refer to these for long.
  const inside = [...queues.values()];
  expect(inside.map(({ last }) => last)).toEqual([running[1], running[2]]);
  await Promise.all(running);
  expect(queues.size).toBe(0);
  expect(inside.map(({ last }) => last)).toEqual([undefined, undefined]);
  expect(queue.last('a')).toBeUndefined();
});
