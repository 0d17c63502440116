import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { SessionRegistry, type SessionStore } from 'nestjs-keycard';
import { PostgresStore } from 'nestjs-keycard/postgres';
import { RedisStore } from 'nestjs-keycard/redis';
import { resolveOptions } from '../../../lib/engine/resolve-options.js';
import { SessionManager } from '../../../lib/engine/session-manager.js';
import { SECRET } from '../../support/app.js';
import type { AnySession } from '../../support/login-app.js';
import { CuttingProxy } from '../../support/cutting-proxy.js';
import { describeWithServer, type SharedServer, uniqueName } from '../../support/servers/available.js';

const ROUNDS = 100;
const ID = 'a-session-that-many-count-in';

function lostReplies(server: SharedServer, open: (url: string) => Promise<{ store: SessionStore; close(): Promise<void> }>, write: string): void {
  describe('a write whose reply was lost', () => {
    let proxy: CuttingProxy;
    let place: Awaited<ReturnType<typeof open>>;
    let manager: SessionManager;
    let sessions: SessionRegistry;
    beforeEach(async () => {
      const url = new URL(server.url);
      proxy = await CuttingProxy.start(url.hostname, Number(url.port));
      url.host = `127.0.0.1:${proxy.port}`;
      place = await open(url.href);
      const logger = { warn: () => undefined, error: () => undefined };
      manager = new SessionManager(resolveOptions({ secret: SECRET, storeTimeout: '10s', logger }), place.store);
      sessions = new SessionRegistry(manager);
      const cookie = { originalMaxAge: null, httpOnly: true, path: '/' };
      await place.store.create(ID, { text: JSON.stringify({ cookie, views: 0 }), expiresAt: Date.now() + 3_600_000 });
    });
    afterEach(async () => {
      await place.close();
      await proxy.close();
    });

    it(`is not done twice by update(), in ${ROUNDS} rounds with the connection cut after the server did it`, async () => {
      // By now the server knows the script, so that each cut below is one of a write.
      await ((await sessions.open(ID)) as AnySession).update((draft) => void (draft['views'] = 0));
      let told = 0;
      for (let round = 1; round <= ROUNDS; round += 1) {
        const session = (await sessions.open(ID)) as AnySession;
        proxy.arm(write);
        try {
          await session.update((draft) => void (draft['views'] = (draft['views'] as number) + 1));
          told += 1;
        } catch (error) {
          // The client could not know: it says so, and does nothing on its own.
          expect((error as Error).name).toBe('SessionStoreError');
        }
        const views = ((await sessions.open(ID)) as AnySession)['views'];
        expect(views).toBe(round);
      }
      expect(proxy.cuts).toBe(ROUNDS);
      // A client that sends the command again finds its own write there.
      expect(manager.writer.counters.lostReplies).toBe(told);
    }, 120_000);
  });
}

describeWithServer('redis', (server) => {
  lostReplies(
    server,
    async (url) => {
      const client = new Redis(url, { retryStrategy: () => 5 });
      const prefix = `${uniqueName()}:`;
      const store = new RedisStore({ client, prefix });
      await store.open();
      return {
        store,
        close: async () => {
          await store.destroy(ID);
          client.disconnect();
        },
      };
    },
    'evalsha',
  );
});

describeWithServer('postgres', (server) => {
  lostReplies(
    server,
    async (connectionString) => {
      const tableName = uniqueName('lost');
      const store = new PostgresStore({ connectionString, tableName, pruneInterval: false });
      await store.open();
      return { store, close: () => store.close() };
    },
    '"views":',
  );
});
