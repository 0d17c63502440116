export type { IoredisClient, NodeRedisClient, RedisClient } from './redis-client.js';
export type { RedisStoreOptions } from './redis-store.options.js';
export { RedisStore } from './redis.store.js';
