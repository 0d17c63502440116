import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, it } from '@jest/globals';
import { RedisStore } from '../../../lib/stores/redis/index.js';
import { DelayingProxy } from '../../support/delaying-proxy.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

describeWithServer('redis', (server) => {
  it('#13.29 what the docs show first survives a half-open connection within 7 s', async () => {
    const proxy = await DelayingProxy.start(server.url);
    ends.push(() => proxy.close());
    const store = new RedisStore({ url: proxy.at(server.url), prefix: `${uniqueName()}:` });
    ends.push(() => store.close());
    await store.open();
    await store.create('a', { text: '{"cookie":{}}', expiresAt: Date.now() + 60_000 });
    proxy.swallow();
    const from = performance.now();
    await expect(store.load('a')).rejects.toMatchObject({ name: 'SessionStoreError' });
    expect(performance.now() - from).toBeLessThan(3_000);
    let found;
    while (found === undefined && performance.now() - from < 10_000) {
      found = await store.load('a').catch(() => undefined);
      await wait(50);
    }
    expect(found?.text).toBe('{"cookie":{}}');
    expect(performance.now() - from).toBeLessThan(7_000);
  }, 20_000);
});
