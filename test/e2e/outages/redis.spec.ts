import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
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

describeWithProgram('redis', () => {
  it('one call that waits brings the next try to connect forward, again and again, however long the client would wait', async () => {
    const server = await startRedis();
    const client = new Redis(server.url, { retryStrategy: () => 30_000 });
    client.on('error', () => undefined);
    const store = new RedisStore({ client });
    try {
      await store.open();
      await server.halt();
      const waiting = store.load('nobody');
      await wait(700);
      await server.restart();
      const returned = Date.now();
      expect(await waiting).toBeUndefined();
      // By itself the client would have waited half a minute.
      expect(Date.now() - returned).toBeLessThan(10_000);
    } finally {
      client.disconnect();
      await server.stop();
    }
  });
});
