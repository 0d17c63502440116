import type { Redis } from 'ioredis';
import { SessionStoreError } from '../session-store.error.js';
import { IoredisDriver, isIoredis } from './ioredis.driver.js';
import { isNodeRedis, NodeRedisDriver } from './node-redis.driver.js';
import type { IoredisClient, RedisClient, RedisDriver } from './redis-client.js';

/** The driver for a client. @throws TypeError if it is neither ioredis nor node-redis. */
export function driverOf(client: RedisClient): RedisDriver {
  if (typeof client === 'object' && client !== null) {
    if (isIoredis(client)) return new IoredisDriver(client);
    if (isNodeRedis(client)) return new NodeRedisDriver(client);
  }
  throw new TypeError('RedisStore: "client" takes a client of ioredis, or of redis (node-redis) 5 or later.');
}

/** Makes the store's own client. Its time limits are short, because requests wait for it. */
export async function connectTo(url: string): Promise<IoredisClient> {
  const client: Redis = new (await loadIoredis())(url, {
    maxRetriesPerRequest: 1,
    connectTimeout: 2_000,
    commandTimeout: 2_000,
    socketTimeout: 5_000,
    retryStrategy: (attempt) => Math.min(attempt * 50, 500),
  });
  // A failed call reports its error itself. Without a listener, ioredis prints each failed connection attempt.
  client.on('error', () => undefined);
  return client;
}

async function loadIoredis(): Promise<typeof Redis> {
  try {
    return (await import('ioredis')).Redis;
  } catch (cause) {
    throw new SessionStoreError('REFUSED', 'RedisStore with "url" needs the package ioredis: npm install ioredis.', {
      cause,
    });
  }
}
