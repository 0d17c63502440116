import { expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';

import { ShardedMap } from '../../../../lib/stores/memory/sharded-map.js';

it('keeps what a map keeps', () => {
  const map = new ShardedMap<number>();
  for (let n = 0; n < 1000; n++) map.set(`k${n}`, n);
  map.set('k0', -1);
  map.delete('k1');
  map.delete('never');
  expect([map.size, map.get('k0'), map.get('k1'), map.get('k999')]).toEqual([999, -1, undefined, 999]);
  map.clear();
  expect([map.size, map.get('k0')]).toEqual([0, undefined]);
});

it.each<[string, (n: number) => string]>([
  ['random ids', () => randomUUID()],
  ['a common prefix', (n) => `session-of-this-app-${n}`],
  ['a common suffix', (n) => `${n}@mail.example.com`],
  ['numbers', (n) => String(n)],
])('crowds no shard: %s', (_, key) => {
  const map = new ShardedMap<number>();
  for (let n = 0; n < 25_600; n++) map.set(key(n), n);
  const sizes = Array.from({ length: ShardedMap.length }, (_, shard) => map.shard(shard).size);
  expect(Math.max(...sizes)).toBeLessThan(400);
});
