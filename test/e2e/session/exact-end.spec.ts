import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Session } from 'nestjs-keycard';
import { RedisStore } from 'nestjs-keycard/redis';
import { createClient } from 'redis';
import { Jar, post, startApp, type TestApp } from '../../support/app.js';
import { type StorePlace } from '../../support/five-stores.js';
import { describeEachStoreOnBoth as describeEachStore } from '../../support/stores-on-both.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';
import { TestClock } from '../../support/test-clock.js';

@Controller()
class WhoController {
  @Post('login')
  async login(@Session() session: Session) {
    await session.login('7');
    return session.info.expiresAt.getTime();
  }

  @Get()
  who(@Session() session: Session) {
    return session.info.principal ?? 'guest';
  }
}

let app: TestApp | undefined;
let place: StorePlace | undefined;
afterEach(async () => {
  await app?.close();
  await place?.close();
  app = place = undefined;
});

const idOf = (jar: Jar): string => /^s:([^.]+)/.exec(decodeURIComponent([...jar.cookies.values()][0]!))![1]!;

const quiet = { warn: () => undefined, error: () => undefined };

/** Redis counts with a clock of its own. */
describeEachStore(
  (each) => {
    it('#13.15 is logged in until info.expiresAt, and not from then on', async () => {
      const clock = new TestClock();
      place = await each.open({ clock });
      app = await startApp([WhoController], { store: place.store, clock, idleTimeout: '90500ms', logger: quiet });
      const jar = new Jar();
      const end = Number(await (await jar.fetch(`${app.url}/login`, post())).text());
      clock.advance(end - clock.now() - 1);
      expect((await place.store.load(idOf(jar)))?.text).toBeDefined();
      clock.advance(1);
      expect(await (await jar.fetch(app.url)).text()).toBe('guest');
    });
  },
  ['redis', 'redis-cluster'],
);

describeWithServer('redis', (server) => {
  it.each(['ioredis', 'node-redis'])('#13.15 by %s, is not logged in after info.expiresAt', async (kind) => {
    const client = kind === 'ioredis' ? new Redis(server.url) : await createClient({ url: server.url }).connect();
    const store = new RedisStore({ client, prefix: `${uniqueName()}:` });
    app = await startApp([WhoController], { store, idleTimeout: '300ms', logger: quiet });
    const jar = new Jar();
    const end = Number(await (await jar.fetch(`${app.url}/login`, post())).text());
    await wait(end + 50 - Date.now());
    expect(await (await jar.fetch(app.url)).text()).toBe('guest');
    await client.quit();
  });

  it('#13.15 keeps a record to the ms, when it is made and when it is changed', async () => {
    const client = new Redis(server.url);
    const [prefix, clock] = [`${uniqueName()}:`, new TestClock()];
    const store = new RedisStore({ client, prefix, clock });
    const life = async (): Promise<number> => client.pttl(`${prefix}a`);
    await store.create('a', { text: '{"cookie":{}}', expiresAt: clock.now() + 60_400 });
    expect(await life()).toBeLessThanOrEqual(60_400);
    expect(await life()).toBeGreaterThan(59_900);
    await store.replace('a', { text: '{"cookie":{},"n":1}', expiresAt: clock.now() + 30_300 }, '{"cookie":{}}');
    expect(await life()).toBeLessThanOrEqual(30_300);
    await client.quit();
  });

  it('#13.15 with hashIds, the end in the record counts though the key lives on', async () => {
    const client = new Redis(server.url);
    const [prefix, clock] = [`${uniqueName()}:`, new TestClock()];
    const store = new RedisStore({ client, prefix, clock });
    app = await startApp([WhoController], { store, clock, hashIds: true, idleTimeout: '2m', logger: quiet });
    const jar = new Jar();
    const end = Number(await (await jar.fetch(`${app.url}/login`, post())).text());
    expect(await (await jar.fetch(app.url)).text()).toBe('7');
    clock.advance(end - clock.now());
    expect(await (await jar.fetch(app.url)).text()).toBe('guest');
    await client.quit();
  });
});
