import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { RedisStore } from '../../lib/stores/redis/index.js';
import { storeContract } from '../../lib/testing/store-contract.js';
import { describeWithServer, type SharedServer, uniqueName } from '../support/servers/available.js';

const runner = { describe, it, expect, beforeEach, afterEach };

function contractOnIoredis(server: SharedServer, name: string, keyPrefix = ''): void {
  storeContract({
    name,
    runner,
    realTime: true,
    create: () => {
      const client = new Redis(server.url, { keyPrefix });
      const prefix = `${uniqueName()}:`;
      const store = new RedisStore({ client, prefix });
      // The index lies beside the sessions, under the client's key prefix, so a URL opens the same store only without one.
      const reopen = () => new RedisStore(keyPrefix === '' ? { url: server.url, prefix } : { client, prefix });
      const corrupt = async (id: string, text: string) => void (await client.set(prefix + id, text));
      return { store, reopen, corrupt, close: () => client.disconnect() };
    },
  });
}

describeWithServer('redis', (server) => {
  contractOnIoredis(server, 'RedisStore on ioredis');
  contractOnIoredis(server, 'RedisStore on ioredis with a key prefix', 'app[1]*:{tag}:');

  storeContract({
    name: 'RedisStore on node-redis',
    runner,
    realTime: true,
    create: async () => {
      const client = await createClient({ url: server.url, keyPrefix: 'app:' }).connect();
      const prefix = `${uniqueName()}:`;
      const make = () => new RedisStore({ client, prefix });
      const corrupt = async (id: string, text: string) => void (await client.set(prefix + id, text));
      return { store: make(), reopen: make, corrupt, close: () => client.destroy() };
    },
  });
});
