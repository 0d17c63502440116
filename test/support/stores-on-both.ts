import { describe } from '@jest/globals';
import { onAdapter } from './adapters.js';
import { describeEachStore, type EachStore, type StoreName } from './five-stores.js';

/** Every store over Express; memory and Redis over Fastify too. What a store does is the same behind both. */
export function describeEachStoreOnBoth(fn: (each: EachStore) => void, skip: readonly StoreName[] = []): void {
  describeEachStore(fn, skip);
  const others: readonly StoreName[] = ['file', 'redis-cluster', 'postgres', 'mongo', ...skip];
  describe('over Fastify', () => describeEachStore((each) => onAdapter('Fastify', () => fn(each)), others));
}
