import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Redis } from 'ioredis';
import { RedisStore } from 'nestjs-keycard/redis';
import { Jar, startApp } from '../../support/app.js';
import { outageSuite } from '../../support/outage-suite.js';
import { scripted } from '../../support/scripted.js';
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
  it('#12.3 while it is frozen, a client that the app gave keeps no request that was answered', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const server = await startRedis();
    const client = new Redis(server.url);
    client.on('error', () => undefined);
    const requests: WeakRef<object>[] = [];
    const app = await startApp(
      [scripted({ start: (session) => void (session.views = 1), look: (session) => ({ ...session }) })],
      {
        store: new RedisStore({ client }),
        storeTimeout: '100ms',
        logger: { warn: () => undefined, error: () => undefined },
      },
      {
        before: (nest: INestApplication) =>
          nest.use((req: object, _res: unknown, next: () => void) => {
            requests.push(new WeakRef(req));
            next();
          }),
      },
    );
    const jar = new Jar();
    try {
      await (await jar.fetch(`${app.url}/s/start`)).text();
      requests.length = 0;
      server.pause();
      for (let n = 0; n < 10; n += 1) {
        const answer = await jar.fetch(`${app.url}/s/look`, { headers: { connection: 'close' } });
        expect(answer.status).toBe(503);
        await answer.text();
      }
      for (let n = 0; n < 5; n += 1) {
        await new Promise((resolve) => setImmediate(resolve));
        collect();
      }
      // Redis is frozen still, and the client has what was sent to it. Node itself keeps the last connection for a while.
      expect(requests).toHaveLength(10);
      expect(requests.filter((each) => each.deref() !== undefined).length).toBeLessThanOrEqual(2);
    } finally {
      server.resume();
      await app.close();
      client.disconnect();
      await server.stop();
    }
  });
});
