import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Cluster } from 'ioredis';
import { createCluster } from 'redis';
import { RedisStore } from '../../lib/stores/redis/index.js';
import { storeContract } from '../../lib/testing/store-contract.js';
import { describeWithServer, type SharedServer, uniqueName } from '../support/servers/available.js';

const runner = { describe, it, expect, beforeEach, afterEach };

function contractOnIoredis(server: SharedServer, name: string, options: { keyPrefix?: string }): void {
  storeContract({
    name,
    runner,
    realTime: true,
    create: () => {
      const client = new Cluster(server.addresses, options);
      const prefix = `${uniqueName()}:`;
      const make = () => new RedisStore({ client, prefix });
      const corrupt = async (id: string, text: string) => void (await client.set(prefix + id, text));
      return { store: make(), reopen: make, corrupt, close: () => client.disconnect() };
    },
  });
}

describeWithServer('redis-cluster', (server) => {
  contractOnIoredis(server, 'RedisStore on an ioredis Cluster', {});
  contractOnIoredis(server, 'RedisStore on an ioredis Cluster with a key prefix', { keyPrefix: 'app:' });

  storeContract({
    name: 'RedisStore on a node-redis cluster',
    runner,
    realTime: true,
    create: async () => {
      const rootNodes = server.addresses.map(({ host, port }) => ({ url: `redis://${host}:${port}` }));
      const client = await createCluster({ rootNodes }).connect();
      const prefix = `${uniqueName()}:`;
      const make = () => new RedisStore({ client, prefix });
      const corrupt = async (id: string, text: string) => void (await client.set(prefix + id, text));
      return { store: make(), reopen: make, corrupt, close: () => client.destroy() };
    },
  });
});
