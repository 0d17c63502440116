/**
 * The engine over plain HTTP, for processes of their own. A request is a JSON body with an `op`; see `ops`. Run as a program it takes
 * the folder of a compiled lib/, a store's spec and options as JSON, and says its port in a line.
 */
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Serves sessions of a store. `engine` holds the engine's functions, of whichever build. */
export async function serveEngine(engine, store, options) {
  const { SessionManager, SessionRegistry, resolveOptions, beginSession } = engine;
  const logger = { warn: () => undefined, error: () => undefined };
  const manager = new SessionManager(
    resolveOptions({ secret: 'a secret of at least thirty-two bytes', logger, ...options }),
    store,
  );
  const registry = new SessionRegistry(manager);
  const doors = new Map();
  const door = (name) => {
    let found = doors.get(name);
    if (found === undefined) {
      found = {};
      found.opened = new Promise((resolve) => (found.open = resolve));
      found.reached = new Promise((resolve) => (found.reach = resolve));
      doors.set(name, found);
    }
    return found;
  };
  const stand = async (name) => {
    if (name === undefined) return;
    door(name).reach();
    await door(name).opened;
    doors.delete(name);
  };

  const ops = {
    async set(session, { data, at }) {
      session();
      await stand(at);
      Object.assign(session(), data);
    },
    async increment(session, { key, at }) {
      await session().update((draft) => void (draft[key] = (draft[key] ?? 0) + 1));
      await stand(at);
    },
    async login(session, { id, data }) {
      await session().login(id, data);
    },
    logout: (session) => session().logout(),
    renew: (session) => session().renew(),
    read: (session) => ({ data: { ...session() }, principal: session().info.principal ?? null }),
    counters: () => manager.counters,
    handles: async (_session, { id }) => (await registry.list({ principal: id })).sessions.map(({ handle }) => handle),
    reached: async (_session, { at }) => void (await door(at).reached),
    open: (_session, { at }) => void door(at).open(),
  };

  const server = createServer((req, res) => {
    beginSession(manager, req, res, async () => {
      try {
        const chunks = [];
        for await (const chunk of req) chunks.push(chunk);
        const body = JSON.parse(Buffer.concat(chunks).toString());
        const result = await ops[body.op](() => req.session, body);
        res.setHeader('content-type', 'application/json');
        res.end(JSON.stringify(result ?? null));
      } catch (error) {
        res.statusCode = error.status ?? 500;
        res.end(JSON.stringify({ error: error.name, code: error.code }));
      }
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: server.address().port,
    manager,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

async function openStore(load, { name, at, space }) {
  if (name === 'file') {
    const { FileStore } = await load('stores/file/file.store.js');
    return new FileStore({ path: at, pruneInterval: false, fsync: false });
  }
  if (name === 'postgres') {
    const { PostgresStore } = await load('stores/postgres/index.js');
    return new PostgresStore({ connectionString: at, tableName: space, pruneInterval: false, queryTimeout: '20s' });
  }
  if (name === 'mongo') {
    const [{ MongoStore }, { MongoClient }] = [await load('stores/mongo/index.js'), await import('mongodb')];
    const client = await new MongoClient(at).connect();
    return new MongoStore({
      collection: client.db('keycard').collection(space),
      pruneInterval: false,
      timeout: 20_000,
    });
  }
  const [{ RedisStore }, { Cluster, Redis }] = [await load('stores/redis/index.js'), await import('ioredis')];
  const client =
    name === 'redis'
      ? new Redis(at)
      : new Cluster(at.split(',').map((node) => ({ host: node.split(':')[0], port: Number(node.split(':')[1]) })));
  return new RedisStore({ client, prefix: space });
}

if (process.argv[1] === import.meta.filename) {
  await import('reflect-metadata');
  const [lib, spec, options] = process.argv.slice(2);
  const load = (file) => import(pathToFileURL(join(lib, file)).href);
  const store = await openStore(load, JSON.parse(spec));
  await store.open();
  const engine = {
    ...(await load('session-manager.js')),
    ...(await load('nest/session.registry.js')),
    ...(await load('options/resolve-options.js')),
    ...(await load('transports/http/lifecycle.js')),
  };
  const { port } = await serveEngine(engine, store, JSON.parse(options));
  process.stdout.write(`port ${port}\n`);
  // It ends with its parent, however that ends.
  process.stdin.on('end', () => process.exit(0)).resume();
}
