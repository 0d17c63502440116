import { afterEach, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { createClient } from 'redis';
import type { SessionStore } from 'nestjs-keycard';
import { PostgresStore } from 'nestjs-keycard/postgres';
import { RedisStore } from 'nestjs-keycard/redis';
import { describeWithProgram } from '../../../support/servers/available.js';
import { startPostgres } from '../../../support/servers/postgres.mjs';
import { startRedis } from '../../../support/servers/redis.mjs';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** Subscribes while the server doesn't answer, and lets it go on once that has failed. */
async function subscribeToFrozen(store: SessionStore, server: { pause(): void; resume(): void }): Promise<void> {
  server.pause();
  try {
    const subscribing = store.bus!()!.subscribe(
      () => undefined,
      () => undefined,
    );
    await expect(subscribing).rejects.toThrow('no answer to the subscription within 2.5 s');
  } finally {
    server.resume();
  }
}

describeWithProgram('redis', () => {
  const clients = {
    ioredis: async (url: string) => {
      const client = new Redis(url, { maxRetriesPerRequest: null });
      cleanUps.push(() => client.disconnect());
      return client;
    },
    'node-redis': async (url: string) => {
      const client = await createClient({ url }).connect();
      cleanUps.push(() => client.destroy());
      return client;
    },
  };

  it.each(Object.entries(clients))(
    '%s: a subscription that a frozen server does not answer is given up, with its connection (#15.4)',
    async (_, connect) => {
      const server = await startRedis();
      cleanUps.push(() => server.stop());
      const store = new RedisStore({ client: await connect(server.url) });
      await store.open();
      await subscribeToFrozen(store, server);
      const admin = new Redis(server.url);
      cleanUps.push(() => admin.disconnect());
      const connections = String(await admin.client('LIST'))
        .trim()
        .split('\n');
      // The store's client and this one.
      expect(connections).toHaveLength(2);
    },
    60_000,
  );
});

describeWithProgram('postgres', () => {
  it('a subscription that a frozen server does not answer is given up, with its connection (#15.4)', async () => {
    const server = await startPostgres();
    cleanUps.push(() => server.stop());
    const store = new PostgresStore({ connectionString: server.url });
    cleanUps.push(() => store.close());
    await store.open();
    await subscribeToFrozen(store, server);
    const admin = new Client({ connectionString: server.url });
    await admin.connect();
    cleanUps.push(() => admin.end());
    const { rows } = await admin.query("SELECT query FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
    expect(rows).toEqual([]);
  }, 60_000);
});
