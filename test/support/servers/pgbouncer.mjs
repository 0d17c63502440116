/** A private PgBouncer in transaction mode in front of a PostgreSQL. */
import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answers } from './postgres.mjs';
import { findProgram, isProgram, ServerProcess, serverFolder, unprivilegedUser, withFreshPort } from './process.mjs';

/** Path of pgbouncer, else undefined. `KEYCARD_PGBOUNCER` names another. */
export function findPgBouncer() {
  const named = process.env.KEYCARD_PGBOUNCER;
  if (named) return isProgram(named) ? named : undefined;
  return findProgram('pgbouncer');
}

/** Starts one that pools the database of this PostgreSQL (a URL, or what `startPostgres()` gave). */
export function startPgBouncer(postgres, { poolSize = 4 } = {}) {
  const command = findPgBouncer();
  if (!command) throw new Error('pgbouncer was not found; install the package pgbouncer.');
  const target = new URL(typeof postgres === 'string' ? postgres : postgres.url);
  const database = target.pathname.slice(1) || 'postgres';
  const user = unprivilegedUser();
  return withFreshPort((port) => {
    const folder = serverFolder('pgbouncer', user);
    const config = join(folder, 'pgbouncer.ini');
    writeFileSync(config, ini(target, database, port, poolSize));
    if (user) chownSync(config, user.uid, user.gid);
    const url = `postgres://postgres@127.0.0.1:${port}/${database}`;
    const ready = () => answers(url);
    return new ServerProcess({ name: 'pgbouncer', port, url, command, args: [config], folder, user, ready }).start();
  });
}

function ini(target, database, port, poolSize) {
  const login = {
    user: decodeURIComponent(target.username) || 'postgres',
    password: decodeURIComponent(target.password),
  };
  const parts = { host: target.hostname, port: target.port || '5432', dbname: database, ...login };
  const connection = Object.entries(parts)
    .filter(([, value]) => value !== '')
    .map(([key, value]) => `${key}='${value.replaceAll("'", "''")}'`);
  return [
    '[databases]',
    `${database} = ${connection.join(' ')}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    `default_pool_size = ${poolSize}`,
    'max_client_conn = 500',
    'ignore_startup_parameters = extra_float_digits,options',
    '',
  ].join('\n');
}
