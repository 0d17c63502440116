import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { SessionRegistry, type SessionStore } from 'nestjs-keycard';
import { MongoStore } from 'nestjs-keycard/mongo';
import { PostgresStore } from 'nestjs-keycard/postgres';
import { RedisStore } from 'nestjs-keycard/redis';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { SessionManager } from '../../../lib/session-manager.js';
import { createClient } from 'redis';
import { SECRET } from '../../support/app.js';
import type { AnySession } from '../../support/login-app.js';
import { CuttingProxy } from '../../support/cutting-proxy.js';
import { describeWithServer, type SharedServer, uniqueName } from '../../support/servers/available.js';
import type { ServerName } from '../../support/servers/catalog.mjs';

const ROUNDS = 100;
const ID = 'a-session-that-many-count-in';

interface Opened {
  readonly store: SessionStore;
  close(): Promise<void>;
}

/** One process, as far as the store can tell. */
class Party {
  readonly manager: SessionManager;
  private readonly sessions: SessionRegistry;

  constructor(readonly opened: Opened) {
    const logger = { warn: () => undefined, error: () => undefined };
    this.manager = new SessionManager(resolveOptions({ secret: SECRET, storeTimeout: '10s', logger }), opened.store);
    this.sessions = new SessionRegistry(this.manager);
  }

  async session(): Promise<AnySession> {
    return (await this.sessions.open(ID)) as AnySession;
  }

  async views(): Promise<unknown> {
    return (await this.session())['views'];
  }

  async add(): Promise<void> {
    await (await this.session()).update((draft) => void (draft['views'] = (draft['views'] as number) + 1));
  }
}

interface Cut {
  readonly server: ServerName;
  readonly title?: string;
  /** Makes a store by a URL, in a place of that name. */
  open(url: string, place: string): Promise<Opened>;
  /** A text that its writes hold, and its reads don't. */
  readonly write: string;
  /** Whether the client sends on a new connection what it got no answer to. */
  readonly sendsAgain: boolean;
}

function lostReplies({ server: name, title = name, open, write, sendsAgain }: Cut): void {
  const body = (server: SharedServer) => {
    describe('a write whose reply was lost', () => {
      let proxy: CuttingProxy;
      let cutOff: Party;
      let rival: Party;
      beforeEach(async () => {
        const url = new URL(server.url);
        proxy = await CuttingProxy.start(url.hostname, Number(url.port));
        url.host = `127.0.0.1:${proxy.port}`;
        const place = uniqueName('lost');
        cutOff = new Party(await open(url.href, place));
        rival = new Party(await open(server.url, place));
        const cookie = { originalMaxAge: null, httpOnly: true, path: '/' };
        await rival.opened.store.create(ID, {
          text: JSON.stringify({ cookie, views: 0 }),
          expiresAt: Date.now() + 3_600_000,
        });
        // By now the server knows the script, so that each cut below is one of a write.
        await (await cutOff.session()).update((draft) => void (draft['views'] = 0));
      });
      afterEach(async () => {
        for (const party of [cutOff, rival]) await party?.opened.close();
        await proxy?.close();
      });

      it.each([
        ['', async () => undefined, 1],
        [', while another process adds, too', () => rival.add(), 2],
      ])(
        `is not done twice by update(), in ${ROUNDS} rounds with the connection cut after the server did it%s`,
        async (_what, meanwhile, perRound) => {
          let told = 0;
          for (let round = 1; round <= ROUNDS; round += 1) {
            proxy.arm(write, meanwhile);
            try {
              await cutOff.add();
              told += 1;
            } catch (error) {
              // The client could not know: it says so, and does nothing on its own.
              expect((error as Error).name).toBe('SessionStoreError');
            }
            expect(proxy.failure).toBeUndefined();
            expect(await rival.views()).toBe(round * perRound);
          }
          expect(proxy.cuts).toBe(ROUNDS);
          // A client that sends the command again finds its own write there.
          expect(told).toBe(sendsAgain ? ROUNDS : 0);
          expect(cutOff.manager.counters.lostReplies).toBe(told);
        },
        120_000,
      );
    });
  };
  describeWithServer(name, body, title);
}

lostReplies({
  server: 'redis',
  open: async (url, place) => {
    const client = new Redis(url, { retryStrategy: () => 5 });
    const store = new RedisStore({ client, prefix: `${place}:` });
    await store.open();
    return {
      store,
      close: async () => {
        await store.destroy(ID);
        client.disconnect();
      },
    };
  },
  write: 'evalsha',
  sendsAgain: true,
});

lostReplies({
  server: 'redis',
  title: 'redis, by node-redis',
  open: async (url, place) => {
    const client = createClient({ url, socket: { reconnectStrategy: () => 5 } });
    client.on('error', () => undefined);
    await client.connect();
    const store = new RedisStore({ client, prefix: `${place}:` });
    await store.open();
    return {
      store,
      close: async () => {
        await store.destroy(ID);
        client.destroy();
      },
    };
  },
  // By its hash: node-redis writes the command in upper case.
  write: 'EVALSHA',
  sendsAgain: false,
});

lostReplies({
  server: 'postgres',
  open: async (connectionString, tableName) => {
    const store = new PostgresStore({ connectionString, tableName, pruneInterval: false });
    await store.open();
    return { store, close: () => store.close() };
  },
  write: '"views":',
  sendsAgain: false,
});

lostReplies({
  server: 'mongo',
  open: async (url, collectionName) => {
    // The driver looks at a server that it lost twice a second, else.
    const client = new MongoClient(url, { minHeartbeatFrequencyMS: 5 });
    const store = new MongoStore({ client, dbName: 'keycard', collectionName, pruneInterval: false });
    await store.open();
    return { store, close: () => client.close() };
  },
  write: '"views":',
  sendsAgain: false,
});
