import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { Pool } from 'pg';
import { type Clock, FileStore, MemoryStore, type SessionStore } from 'nestjs-keycard';
import { MongoStore } from 'nestjs-keycard/mongo';
import { PostgresStore } from 'nestjs-keycard/postgres';
import { RedisStore } from 'nestjs-keycard/redis';
import { describeWithServer, type SharedServer, uniqueName } from './servers/available.js';

export type StoreName = 'memory' | 'file' | 'redis' | 'redis-cluster' | 'postgres' | 'mongo';

/** One kind of store in a place of its own. */
export interface StorePlace {
  readonly store: SessionStore;
  /** What `store-in-process.mjs` takes to open the same place in another process; `undefined` where none can. */
  readonly spec: StoreSpec | undefined;
  /** The text that the store holds under an id, read past the store. */
  rawRead(id: string): Promise<string | undefined>;
  /** Changes the text as another writer, such as express-session with its store, would: no revision, no index. */
  rawWrite(id: string, text: string): Promise<void>;
  /** Adds a record past the store, as a peer would. Lives an hour. */
  rawCreate(id: string, text: string): Promise<void>;
  /** Puts many records of ours there at once, where the store's own way takes long. */
  seed?(records: readonly { id: string; text: string; expiresAt: number; principal: string }[]): Promise<void>;
  /** Deletes a record by hand. */
  rawDelete(id: string): Promise<void>;
  /** How many records the server read, or the client fetched, for a piece of work; where that can be counted. */
  readsOf?(work: () => Promise<unknown>): Promise<number>;
  /** All names and texts in the place, for searching. */
  rawDump(): Promise<string>;
  close(): Promise<void>;
}

export interface StoreSpec {
  readonly name: StoreName;
  readonly at: string;
  readonly space: string;
}

export interface EachStore {
  readonly name: StoreName;
  /** A fresh place. `close()` it in `afterEach`. */
  open(options?: { clock?: Clock }): Promise<StorePlace>;
}

/** Runs a block for memory, file, Redis, Redis Cluster, PostgreSQL and MongoDB. */
export function describeEachStore(fn: (each: EachStore) => void, skip: readonly StoreName[] = []): void {
  const wanted = (name: StoreName): boolean => !skip.includes(name);
  if (wanted('memory'))
    describe('on memory', () => fn({ name: 'memory', open: ({ clock } = {}) => openMemory(clock) }));
  if (wanted('file')) describe('on file', () => fn({ name: 'file', open: ({ clock } = {}) => openFile(clock) }));
  if (wanted('redis'))
    describeWithServer(
      'redis',
      (server) => fn({ name: 'redis', open: ({ clock } = {}) => openRedis('redis', server, clock) }),
      'on redis',
    );
  if (wanted('redis-cluster')) {
    describeWithServer(
      'redis-cluster',
      (server) => fn({ name: 'redis-cluster', open: ({ clock } = {}) => openRedis('redis-cluster', server, clock) }),
      'on redis-cluster',
    );
  }
  if (wanted('postgres'))
    describeWithServer(
      'postgres',
      (server) => fn({ name: 'postgres', open: ({ clock } = {}) => openPostgres(server, clock) }),
      'on postgres',
    );
  if (wanted('mongo'))
    describeWithServer(
      'mongo',
      (server) => fn({ name: 'mongo', open: ({ clock } = {}) => openMongo(server, clock) }),
      'on mongo',
    );
}

async function openMemory(clock: Clock | undefined): Promise<StorePlace> {
  const store = new MemoryStore(clock === undefined ? {} : { clock });
  const swap = async (id: string, text: string): Promise<void> => {
    const found = await store.load(id);
    await store.replace(id, { text, expiresAt: found!.expiresAt!, principal: principalIn(text) }, found!.revision);
  };
  return {
    store,
    spec: undefined,
    rawRead: async (id) => (await store.load(id))?.text,
    rawWrite: swap,
    rawCreate: (id, text) => store.create(id, { text, expiresAt: (clock?.now() ?? Date.now()) + 3_600_000 }),
    rawDelete: async (id) => void (await store.destroy(id)),
    rawDump: async () => {
      const all: string[] = [];
      for await (const { id, text } of store.list()) all.push(id, text);
      return all.join('\n');
    },
    close: () => store.close(),
  };
}

async function openFile(clock: Clock | undefined): Promise<StorePlace> {
  const path = mkdtempSync(join(tmpdir(), 'keycard-each-'));
  const store = new FileStore({ path, pruneInterval: false, fsync: false, ...(clock === undefined ? {} : { clock }) });
  await store.open();
  const file = (id: string): string => join(path, `${id}.json`);
  const read = async (id: string): Promise<string | undefined> => {
    const text = await readFile(file(id), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return undefined;
    });
    return text;
  };
  return {
    store,
    spec: { name: 'file', at: path, space: '' },
    rawRead: read,
    // session-file-store's own key for the expiry stays as it was.
    rawWrite: async (id, text) => {
      const before = JSON.parse((await read(id))!) as { __lastAccess: number };
      await writeFile(file(id), JSON.stringify({ ...(JSON.parse(text) as object), __lastAccess: before.__lastAccess }));
    },
    rawCreate: (id, text) =>
      writeFile(
        file(id),
        JSON.stringify({ ...(JSON.parse(text) as object), __lastAccess: clock?.now() ?? Date.now() }),
      ),
    rawDelete: (id) => unlink(file(id)),
    rawDump: async () => {
      const all: string[] = [];
      for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
        all.push(entry.name);
        if (entry.isFile()) all.push(await readFile(join(entry.parentPath, entry.name), 'utf8'));
      }
      return all.join('\n');
    },
    close: async () => {
      await store.close();
      rmSync(path, { recursive: true, force: true });
    },
  };
}

async function openRedis(
  name: 'redis' | 'redis-cluster',
  server: SharedServer,
  clock: Clock | undefined,
): Promise<StorePlace> {
  const space = `${uniqueName()}:`;
  const client = name === 'redis' ? new Redis(server.url) : new Cluster(server.addresses);
  const store = new RedisStore({ client, prefix: space, clock });
  await store.open();
  const raw = client as Redis;
  let fetched = 0;
  const { sendCommand } = raw;
  raw.sendCommand = (...args) => {
    const { name: command, args: operands } = args[0] as unknown as { name: string; args: unknown[] };
    if (command === 'get' || command === 'mget') fetched += operands.length;
    return sendCommand.apply(raw, args) as never;
  };
  const keys = async (): Promise<string[]> => {
    const nodes = client instanceof Cluster ? client.nodes('master') : [client];
    const found = await Promise.all(nodes.map((node) => node.keys(`*${space}*`)));
    return found.flat();
  };
  return {
    store,
    spec: { name, at: server.url, space },
    rawRead: async (id) => (await raw.get(space + id)) ?? undefined,
    rawWrite: async (id, text) => void (await raw.set(space + id, text, 'KEEPTTL')),
    rawCreate: async (id, text) => void (await raw.set(space + id, text, 'EX', 3_600)),
    readsOf: async (work) => {
      const before = fetched;
      await work();
      return fetched - before;
    },
    rawDelete: async (id) => void (await raw.del(space + id)),
    rawDump: async () => {
      const all: string[] = [];
      for (const key of await keys()) {
        all.push(
          key,
          (await raw.type(key)) === 'string'
            ? ((await raw.get(key)) ?? '')
            : (await raw.zrange(key, '0', '-1')).join('\n'),
        );
      }
      return all.join('\n');
    },
    close: async () => {
      for (const key of await keys()) await raw.del(key);
      client.disconnect();
    },
  };
}

async function openPostgres(server: SharedServer, clock: Clock | undefined): Promise<StorePlace> {
  const tableName = uniqueName('each');
  const pool = new Pool({ connectionString: server.url, max: 4 });
  const store = new PostgresStore({ pool, tableName, pruneInterval: false, clock });
  await store.open();
  return {
    store,
    spec: { name: 'postgres', at: server.url, space: tableName },
    rawRead: async (id) =>
      (
        (await pool.query(`SELECT sess::text AS text FROM ${tableName} WHERE sid = $1`, [id])).rows[0] as
          { text: string } | undefined
      )?.text,
    rawWrite: async (id, text) =>
      void (await pool.query(`UPDATE ${tableName} SET sess = $2 WHERE sid = $1`, [id, text])),
    rawCreate: async (id, text) =>
      void (await pool.query(
        `INSERT INTO ${tableName} (sid, sess, expire) VALUES ($1, $2, date_trunc('second', now()) + interval '1 hour')`,
        [id, text],
      )),
    rawDelete: async (id) => void (await pool.query(`DELETE FROM ${tableName} WHERE sid = $1`, [id])),
    readsOf: async (work) => {
      const rows = async (): Promise<number> => {
        // The server adds up what its backends report, at most once a second each.
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        const { rows: found } = await pool.query<{ read: string }>(
          'SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) AS read FROM pg_stat_user_tables WHERE relname = $1',
          [tableName],
        );
        return Number(found[0]!.read);
      };
      const before = await rows();
      await work();
      return (await rows()) - before;
    },
    rawDump: async () => {
      const { rows } = await pool.query<{ sid: string; text: string }>(
        `SELECT sid, sess::text AS text FROM ${tableName}`,
      );
      return rows.map(({ sid, text }) => `${sid}\n${text}`).join('\n');
    },
    close: async () => {
      await store.close();
      await pool.query(`DROP TABLE IF EXISTS ${tableName}`);
      await pool.end();
    },
  };
}

async function openMongo(server: SharedServer, clock: Clock | undefined): Promise<StorePlace> {
  const space = uniqueName('each');
  const client = await new MongoClient(server.url).connect();
  const collection = client.db('keycard').collection<{ _id: string; session: unknown; expires?: Date }>(space);
  const store = new MongoStore({ collection: collection as never, pruneInterval: false, clock });
  await store.open();
  return {
    store,
    spec: { name: 'mongo', at: server.url, space },
    rawRead: async (id) => (await collection.findOne({ _id: id }))?.session as string | undefined,
    rawWrite: async (id, text) => void (await collection.updateOne({ _id: id }, { $set: { session: text } })),
    rawCreate: async (id, text) =>
      void (await collection.insertOne({
        _id: id,
        session: text,
        expires: new Date((clock?.now() ?? Date.now()) + 3_600_000),
      })),
    rawDelete: async (id) => void (await collection.deleteOne({ _id: id })),
    seed: async (records) => {
      const documents = records.map(({ id, text, expiresAt, principal }) => ({
        _id: id,
        session: text,
        expires: new Date(expiresAt),
        keycard: { p: principal, rev: id },
      }));
      await collection.insertMany(documents);
    },
    rawDump: async () => (await collection.find().toArray()).map((each) => JSON.stringify(each)).join('\n'),
    close: async () => {
      await store.close();
      await collection.drop();
      await client.close();
    },
  };
}

function principalIn(text: string): string | undefined {
  return (JSON.parse(text) as { __keycard?: { p?: string } }).__keycard?.p;
}
