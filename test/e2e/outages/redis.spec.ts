import { Redis } from 'ioredis';
import { RedisStore } from 'nestjs-keycard/redis';
import { outageSuite } from '../../support/outage-suite.js';
import { describeWithProgram } from '../../support/servers/available.js';
import { startRedis } from '../../support/servers/redis.mjs';

describeWithProgram('redis', () =>
  outageSuite(() => startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] }), {
    'an ioredis client of the app': (url) => {
      const client = new Redis(url);
      client.on('error', () => undefined);
      return { store: new RedisStore({ client }), close: () => client.disconnect() };
    },
  }),
);
