/** Stores for the servers of the bench: ours, the peers', and one raw read of each. */
import { readFile } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(import.meta.url);
const POOL_SIZE = 10;
const DAY_S = 86_400;

/** Whatever connections a spec asks for. */
export async function connectFor({ store, client, url }, clientOptions = {}) {
  if (store === 'redis' && client === 'node-redis') {
    const { createClient } = await import('redis');
    return createClient({ url }).connect();
  }
  if (store === 'redis') {
    const { Redis } = await import('ioredis');
    const redis = new Redis(url, clientOptions);
    await redis.ping();
    return redis;
  }
  if (store === 'postgres') {
    const { default: pg } = await import('pg');
    return new pg.Pool({ connectionString: url, max: POOL_SIZE });
  }
  if (store === 'mongo') {
    const { MongoClient } = await import('mongodb');
    return new MongoClient(url, { maxPoolSize: POOL_SIZE }).connect();
  }
  return undefined;
}

/** A store of ours. */
export async function keycardStore(spec, library) {
  const { store, name, folder } = spec;
  const connection = await connectFor(spec);
  const from = (path) => import(join(library, path));
  if (store === 'memory') return new (await from('index.js')).MemoryStore();
  if (store === 'file')
    return new (await from('index.js')).FileStore({ path: join(folder, name), fsync: spec.fsync ?? true });
  if (store === 'redis')
    return new (await from('stores/redis/index.js')).RedisStore({ client: connection, prefix: `${name}:` });
  if (store === 'postgres')
    return new (await from('stores/postgres/index.js')).PostgresStore({ pool: connection, tableName: name });
  return new (await from('stores/mongo/index.js')).MongoStore({
    client: connection,
    dbName: 'bench',
    collectionName: name,
  });
}

/** A store of express-session's. */
export async function expressStore(spec, session) {
  const { store, name, folder } = spec;
  const connection = await connectFor(spec);
  if (store === 'memory') return new session.MemoryStore();
  if (store === 'memorystore') return new (require('memorystore')(session))({ checkPeriod: DAY_S * 1_000 });
  if (store === 'file') {
    return new (require('session-file-store')(session))({
      path: join(folder, name),
      ttl: DAY_S,
      logFn: () => undefined,
    });
  }
  if (store === 'redis') {
    const { RedisStore } = await import('connect-redis');
    return new RedisStore({
      client: spec.client === 'node-redis' ? connection : forConnectRedis(connection),
      prefix: `${name}:`,
    });
  }
  if (store === 'postgres') {
    const PgStore = require('connect-pg-simple')(session);
    return new PgStore({ pool: connection, tableName: name, createTableIfMissing: true });
  }
  const { MongoStore } = await import('connect-mongo');
  return MongoStore.create({ client: connection, dbName: 'bench', collectionName: name, autoRemove: 'disabled' });
}

/** connect-redis 9 speaks as node-redis does; an app on ioredis puts this between. */
function forConnectRedis(redis) {
  return {
    get: (key) => redis.get(key),
    set: (key, value, { expiration }) => redis.set(key, value, 'EX', expiration.value),
    expire: (key, seconds) => redis.expire(key, seconds),
    del: (keys) => redis.del(...keys),
  };
}

/** Seeds records and gives a function that reads one, with as little as the driver allows. */
export async function rawReader(spec, texts) {
  const { store, name, folder } = spec;
  const connection = await connectFor(spec, { enableAutoPipelining: true });
  let turn = 0;
  const key = () => `${name}-${turn++ % texts.length}`;
  if (store === 'file') {
    const file = (each) => join(folder, `${each}.json`);
    for (const [n, text] of texts.entries()) writeFileSync(file(`${name}-${n}`), text);
    return () =>
      new Promise((resolve, reject) => {
        readFile(file(key()), 'utf8', (error, text) => (error ? reject(error) : resolve(text)));
      });
  }
  if (store === 'redis') {
    await Promise.all(texts.map((text, n) => connection.set(`${name}-${n}`, text)));
    return () => connection.get(key());
  }
  if (store === 'postgres') {
    await connection.query(`CREATE TABLE "${name}" (sid varchar PRIMARY KEY, sess json NOT NULL)`);
    for (const [n, text] of texts.entries())
      await connection.query(`INSERT INTO "${name}" VALUES ($1, $2)`, [`${name}-${n}`, text]);
    const text = `SELECT sess FROM "${name}" WHERE sid = $1`;
    return async () => (await connection.query({ name: 'raw', text, values: [key()] })).rows[0].sess;
  }
  const collection = connection.db('bench').collection(name);
  await collection.insertMany(texts.map((text, n) => ({ _id: `${name}-${n}`, session: text })));
  return async () => (await collection.findOne({ _id: key() })).session;
}
