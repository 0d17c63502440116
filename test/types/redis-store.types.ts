import { Cluster, Redis } from 'ioredis';
import { createClient, createClientPool, createCluster } from 'redis';
import { RedisStore, type RedisStoreOptions } from 'nestjs-keycard/redis';

// Clients of both drivers fit as they come.
new RedisStore({ client: new Redis() });
new RedisStore({
  client: new Redis({ sentinels: [{ host: 'localhost', port: 26379 }], name: 'mymaster' }),
  prefix: 'app:',
});
new RedisStore({ client: new Cluster([{ host: 'localhost', port: 7000 }]), ttl: 60, scanCount: 500 });
new RedisStore({ client: createClient() });
new RedisStore({ client: await createClient({ url: 'redis://localhost' }).connect() });
new RedisStore({ client: createCluster({ rootNodes: [] }) });
new RedisStore({ client: createClientPool() });
new RedisStore({ url: 'redis://localhost:6379' });

const given: RedisStoreOptions = { url: 'redis://localhost:6379', prefix: undefined };
void given;

// @ts-expect-error one of client and url has to be given
new RedisStore({});
// @ts-expect-error not both
new RedisStore({ client: new Redis(), url: 'redis://localhost' });
// @ts-expect-error no client
new RedisStore({ client: new Map() });
