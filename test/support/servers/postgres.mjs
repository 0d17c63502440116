/** A private PostgreSQL, its durability turned off; as root it runs as `postgres` or `nobody`. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { findProgram, isProgram, ServerProcess, serverFolder, unprivilegedUser, withFreshPort } from './process.mjs';

const run = promisify(execFile);
const DEBIAN_ROOT = '/usr/lib/postgresql';

/** Folder that holds `initdb` and `postgres`, else undefined. `KEYCARD_POSTGRES_BIN` names another. */
export function findPostgresBin() {
  const named = process.env.KEYCARD_POSTGRES_BIN;
  if (named) return hasServer(named) ? named : undefined;
  const inPath = findProgram('initdb');
  return [...(inPath ? [join(inPath, '..')] : []), ...debianFolders()].find(hasServer);
}

function debianFolders() {
  try {
    const versions = readdirSync(DEBIAN_ROOT).sort((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(DEBIAN_ROOT, version, 'bin'));
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

function hasServer(folder) {
  return isProgram(join(folder, 'initdb')) && isProgram(join(folder, 'postgres'));
}

/** Starts one with the superuser `postgres`, no password, database `postgres`. */
export async function startPostgres({ settings = {} } = {}) {
  const bin = findPostgresBin();
  if (!bin) throw new Error('initdb and postgres were not found; install the package postgresql.');
  const user = unprivilegedUser();
  return withFreshPort(async (port) => {
    const folder = serverFolder('postgres', user);
    const data = join(folder, 'data');
    const initArgs = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'];
    await run(join(bin, 'initdb'), initArgs, { ...user, cwd: folder });
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    return new ServerProcess({
      name: 'postgres',
      port,
      url,
      command: join(bin, 'postgres'),
      args: ['-D', data, ...asArgs({ ...defaults(port), ...settings })],
      folder,
      user,
      ready: () => answers(url),
      stopSignal: 'SIGINT', // "fast": doesn't wait for clients to leave
    }).start();
  });
}

// synchronous_commit stays on: what a killed server had confirmed must be there after restart()
const defaults = (port) => ({
  port,
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 200,
  fsync: 'off',
  full_page_writes: 'off',
  // In its folder, which goes with it: a server that is killed leaves what it had in the system's shared memory.
  dynamic_shared_memory_type: 'mmap',
  autovacuum_naptime: '1h',
});

const asArgs = (settings) => Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

/** Rejects unless a PostgreSQL (or a PgBouncer) at this URL answers a query. */
export async function answers(connectionString) {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2_000 });
  client.on('error', () => {}); // the rejected call says it
  try {
    await client.connect();
    await client.query('SELECT 1');
  } finally {
    await client.end();
  }
}
