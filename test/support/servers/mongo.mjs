/** A private MongoDB-wire server: mongod where the machine has it, else mongo-java-server. */
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { MongoClient } from 'mongodb';
import { mongoJavaPath } from './mongo-java.mjs';
import { canConnect, findProgram, isProgram, ServerProcess, serverFolder, withFreshPort } from './process.mjs';

/** Path of mongod or of a mongo-java-server built earlier, else undefined. `KEYCARD_MONGO_BIN` names another. */
export function findMongoServer() {
  const named = process.env.KEYCARD_MONGO_BIN;
  if (named) return isProgram(named) ? named : undefined;
  return findProgram('mongod') ?? [mongoJavaPath()].find(isProgram);
}

/** Starts one. `kind` of the result is `mongod` or `mongo-java-server` (whose TTL index removes nothing). */
export function startMongo({ args = [] } = {}) {
  const command = findMongoServer();
  if (!command) throw new Error('Neither mongod nor mongo-java-server was found; npm run test:all builds the latter.');
  const kind = basename(command) === 'mongo-java-server' ? 'mongo-java-server' : 'mongod';
  return withFreshPort(async (port) => {
    const folder = serverFolder('mongo');
    const data = join(folder, 'data');
    mkdirSync(data);
    const url = `mongodb://127.0.0.1:${port}/`;
    const server = new ServerProcess({
      name: 'mongo',
      port,
      url,
      command,
      args: [...(kind === 'mongod' ? mongodArgs(port, data) : [String(port), data]), ...args],
      folder,
      ready: () => canConnect(port).then(() => answersMongo(url)),
      stopSignal: 'SIGTERM',
    });
    return Object.defineProperty(await server.start(), 'kind', { value: kind, enumerable: true });
  });
}

const mongodArgs = (port, data) => [
  '--port',
  String(port),
  '--bind_ip',
  '127.0.0.1',
  '--dbpath',
  data,
  '--nounixsocket',
];

/** Rejects unless a MongoDB-wire server at this URL answers a ping. */
export async function answersMongo(url) {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 2_000 });
  try {
    await client.db('admin').command({ ping: 1 });
  } finally {
    await client.close();
  }
}
