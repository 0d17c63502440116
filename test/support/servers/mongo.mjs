/** A private MongoDB-wire server: mongod where the machine has it, else FerretDB on SQLite. */
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { MongoClient } from 'mongodb';
import { ferretPath } from './ferretdb.mjs';
import { canConnect, findProgram, isProgram, ServerProcess, serverFolder, withFreshPort } from './process.mjs';

/** Path of mongod or of a FerretDB built earlier, else undefined. `KEYCARD_MONGO_BIN` names another. */
export function findMongoServer() {
  const named = process.env.KEYCARD_MONGO_BIN;
  if (named) return isProgram(named) ? named : undefined;
  return findProgram('mongod') ?? [ferretPath()].find(isProgram);
}

/** Starts one. `kind` of the result is `mongod` or `ferretdb` (which has no TTL index and no transactions). */
export function startMongo({ args = [] } = {}) {
  const command = findMongoServer();
  if (!command) throw new Error('Neither mongod nor a built FerretDB was found; npm run test:all builds FerretDB.');
  const kind = basename(command).startsWith('mongo') ? 'mongod' : 'ferretdb';
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
      args: [...(kind === 'mongod' ? mongodArgs(port, data) : ferretArgs(port, folder, data)), ...args],
      folder,
      env: { DO_NOT_TRACK: '1' },
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

const ferretArgs = (port, folder, data) => [
  '--handler=sqlite',
  `--sqlite-url=file:${data}/?_pragma=synchronous(off)`,
  `--listen-addr=127.0.0.1:${port}`,
  `--state-dir=${folder}`,
  '--debug-addr=-',
  '--telemetry=disable',
  '--log-level=warn',
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
