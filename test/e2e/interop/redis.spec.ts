import { RedisStore as ConnectRedis } from 'connect-redis';
import { Redis } from 'ioredis';
import { RedisStore } from 'nestjs-keycard/redis';
import { createClient } from 'redis';
import { interopSuite } from '../../support/interop/interop-suite.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

describeWithServer(
  'redis',
  (server) =>
    interopSuite(async () => {
      const prefix = `${uniqueName()}:`;
      const theirs = await createClient({ url: server.url }).connect();
      const client = new Redis(server.url);
      return {
        peer: new ConnectRedis({ client: theirs, prefix }),
        ours: new RedisStore({ client, prefix }),
        close: async () => {
          const keys = await client.keys(`*${prefix}*`);
          if (keys.length > 0) await client.unlink(...keys);
          client.disconnect();
          theirs.destroy();
        },
      };
    }),
  'between connect-redis and RedisStore',
);
