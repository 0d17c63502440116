import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MongoStore as ConnectMongo } from 'connect-mongo';
import { RedisStore as ConnectRedis } from 'connect-redis';
import { MongoClient } from 'mongodb';
import { Pool } from 'pg';
import { createClient } from 'redis';
import { fromExpressStore } from '../../lib/express/from-express-store.js';
import type { ExpressStoreLike } from '../../lib/express/express-store-like.js';
import { storeContract } from '../../lib/testing/store-contract.js';
import { makeSchema } from '../support/postgres-schema.js';
import { describeWithServer, uniqueName } from '../support/servers/available.js';

type StoreClass = new (options: object) => ExpressStoreLike & { close?(): Promise<void> };

const runner = { describe, it, expect, beforeEach, afterEach };
const require = createRequire(import.meta.url);
const session = require('express-session') as { MemoryStore: new () => ExpressStoreLike };
const Memorystore = (require('memorystore') as (from: unknown) => StoreClass)(session);
const ConnectPgSimple = (require('connect-pg-simple') as (from: unknown) => StoreClass)(session);
const SessionFileStore = (require('session-file-store') as (from: unknown) => StoreClass)(session);

const named = (titles: string[], reason: string) => Object.fromEntries(titles.map((title) => [title, reason]));

/** Stores of express-session remove what has expired on their own. */
const NO_PRUNE = named(['prunes what has expired and nothing else'], 'it has no prune()');

/** What asks for a list, a count or both. */
const LISTS = [
  'neither lists nor counts what has expired',
  'prunes what has expired and nothing else',
  'lists every session once, with its text, whatever the batch',
  'lists nothing where there is nothing',
  'goes on after a cursor, with neither a gap nor a repetition',
  'gives revisions that a replace and a destroy take',
  'lists and counts the sessions of one principal, and of nobody else',
  'takes any text for a principal',
  'moves a session to its new principal, and out of the index where it has none any more',
  'leaves the index as it was where a replace came to nothing',
  'drops a destroyed session from every list',
  'lists a session under the principal of its latest life',
  'survives changes of the sessions while it lists them',
  'clears everything, and takes new sessions afterwards',
  'keeps apart paths and their parts',
  'keeps apart wild cards and separators',
  'keeps apart names of prototypes and devices',
  'keeps apart ids that differ in case only',
  'keeps apart one character, 256 characters, and every visible one',
  'keeps apart ids that begin alike',
  'finds nothing under odd ids that it has never seen',
];

storeContract({
  name: "express-session's MemoryStore",
  runner,
  realTime: true,
  exactText: false,
  create: () => ({ store: fromExpressStore(new session.MemoryStore()) }),
  skip: NO_PRUNE,
});

storeContract({
  name: 'memorystore',
  runner,
  realTime: true,
  exactText: false,
  create: () => ({ store: fromExpressStore(new Memorystore({})) }),
  skip: {
    ...NO_PRUNE,
    'keeps apart names of prototypes and devices': 'its all() loses the id __proto__',
  },
});

storeContract({
  name: 'session-file-store',
  runner,
  realTime: true,
  exactText: false,
  create: async () => {
    const path = await mkdtemp(join(tmpdir(), 'keycard-file-'));
    const options = { path, retries: 0, reapInterval: -1, logFn: () => undefined };
    return { store: fromExpressStore(new SessionFileStore(options)), close: () => rm(path, { recursive: true }) };
  },
  skip: {
    ...named(LISTS, 'it has no all()'),
    ...named(
      [
        'gives no record that has expired, and neither replaces nor destroys it',
        'ends a record that has expired only if it is the version that was read',
        'takes a new record under an id whose record has expired',
        'moves the expiry with every replace, on and back',
      ],
      'it goes by originalMaxAge from the last write, whatever end a session has; the engine holds the end itself',
    ),
  },
});

describeWithServer('redis', (server) => {
  storeContract({
    name: 'connect-redis',
    runner,
    realTime: true,
    exactText: false,
    create: async () => {
      const client = createClient({ url: server.url });
      await client.connect();
      const store = new ConnectRedis({ client, prefix: `${uniqueName()}:` });
      return {
        store: fromExpressStore(store as never),
        close: async () => {
          await store.clear();
          client.destroy();
        },
      };
    },
    skip: NO_PRUNE,
  });
});

describeWithServer('postgres', (server) => {
  storeContract({
    name: 'connect-pg-simple',
    runner,
    realTime: true,
    exactText: false,
    create: async () => {
      const pool = new Pool({ connectionString: server.url, max: 3 });
      const { schemaName, drop } = await makeSchema(pool);
      const store = new ConnectPgSimple({ pool, schemaName, createTableIfMissing: true, pruneSessionInterval: false });
      return {
        store: fromExpressStore(store),
        close: async () => {
          await drop();
          await pool.end();
        },
      };
    },
    skip: {
      ...named(LISTS, 'it has no all()'),
      ...named(
        [
          'gives no record that has expired, and neither replaces nor destroys it',
          'ends a record that has expired only if it is the version that was read',
          'takes a new record under an id whose record has expired',
          'moves the expiry with every replace, on and back',
        ],
        'it rounds the end and the time up to whole seconds, so it is up to 2 s late',
      ),
    },
  });
});

describeWithServer('mongo', (server) => {
  storeContract({
    name: 'connect-mongo',
    runner,
    realTime: true,
    exactText: false,
    create: () => {
      const client = new MongoClient(server.url);
      const collectionName = uniqueName('express');
      const store = ConnectMongo.create({ client, dbName: 'keycard', collectionName, autoRemove: 'disabled' });
      return {
        store: fromExpressStore(store as never),
        close: async () => {
          const dropped = client.db('keycard').collection(collectionName).drop();
          await dropped.catch(() => undefined); // Before MongoDB 7 it is an error where nothing was written.
          await client.close();
        },
      };
    },
    skip: named(LISTS, 'its all() gives no ids'),
  });
});
