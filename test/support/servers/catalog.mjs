/**
 * The servers that tests may ask for, by the names that `describeWithServer` and `KEYCARD_REQUIRE` take: which
 * environment variable holds a server that is there already, which program starts a private one, what installs it.
 */
import { findChromium } from './chromium.mjs';
import { findMongoServer, startMongo } from './mongo.mjs';
import { buildMongoJava, hasJava } from './mongo-java.mjs';
import { findPgBouncer, startPgBouncer } from './pgbouncer.mjs';
import { findPostgresBin, startPostgres } from './postgres.mjs';
import { findRedisServer, startRedis, startRedisCluster } from './redis.mjs';

/**
 * @typedef {'redis' | 'redis-cluster' | 'postgres' | 'pgbouncer' | 'mongo' | 'browser'} ServerName
 *
 * @typedef {object} StartedServer what `start` gives; more for those that have their own `start…` function
 * @property {string} name
 * @property {string} url
 * @property {number[]} pids
 * @property {() => Promise<void>} stop
 *
 * @typedef {object} CatalogEntry
 * @property {string} env the environment variable that names a server to be used as it is
 * @property {() => string | undefined} program finds the program that starts a private one
 * @property {string} programEnv the environment variable that names this program
 * @property {ServerName} [needs] the server this one is put in front of; its URL is given to `start`
 * @property {(neededUrl?: string) => Promise<StartedServer>} [start] absent if the program itself is what tests need (browser)
 * @property {string} [debian] the Debian package that brings the program
 * @property {() => (() => Promise<string>) | undefined} [build] gives a function that builds the program, if this machine can
 * @property {string[]} [buildTools] the Debian packages that `build` needs
 *
 * @typedef {{ from: 'env' | 'program', at: string, missing?: undefined } | { missing: string, from?: undefined, at?: undefined }} Whereabouts
 */

/** @type {Record<ServerName, CatalogEntry>} */
export const catalog = {
  redis: {
    env: 'REDIS_URL',
    program: findRedisServer,
    programEnv: 'KEYCARD_REDIS_SERVER',
    start: () => startRedis(),
    debian: 'redis-server',
  },
  'redis-cluster': {
    env: 'REDIS_CLUSTER_URLS',
    program: findRedisServer,
    programEnv: 'KEYCARD_REDIS_SERVER',
    start: () => startRedisCluster(),
    debian: 'redis-server',
  },
  postgres: {
    env: 'PG_URL',
    program: findPostgresBin,
    programEnv: 'KEYCARD_POSTGRES_BIN',
    start: () => startPostgres(),
    debian: 'postgresql',
  },
  pgbouncer: {
    env: 'PGBOUNCER_URL',
    program: findPgBouncer,
    programEnv: 'KEYCARD_PGBOUNCER',
    needs: 'postgres',
    start: (postgresUrl) => startPgBouncer(postgresUrl),
    debian: 'pgbouncer',
  },
  mongo: {
    env: 'MONGO_URL',
    program: findMongoServer,
    programEnv: 'KEYCARD_MONGO_BIN',
    start: () => startMongo(),
    build: () => (hasJava() ? buildMongoJava : undefined),
    buildTools: ['default-jdk-headless', 'maven'],
  },
  browser: {
    env: 'CHROMIUM_PATH',
    program: findChromium,
    programEnv: 'CHROMIUM_PATH',
    debian: 'chromium',
  },
};

/** @type {ServerName[]} */
export const serverNames = /** @type {never} */ (Object.keys(catalog));

function entryOf(name) {
  const entry = Object.hasOwn(catalog, name) ? catalog[name] : undefined;
  if (!entry) throw new Error(`There is no server "${name}"; the names are ${serverNames.join(', ')}.`);
  return entry;
}

/**
 * Where this server would come from: `{ from: 'env' | 'program', at }`, or `{ missing }` with what to do about it.
 * With `program: true` only a program counts.
 *
 * @param {ServerName} name
 * @param {{ program?: boolean }} [options]
 * @returns {Whereabouts}
 */
export function lookUp(name, { program: programOnly = false } = {}) {
  const entry = entryOf(name);
  const inUse = process.env[entry.env];
  if (inUse && !programOnly && entry.env !== entry.programEnv) return { from: 'env', at: inUse };
  const program = entry.program();
  if (program && entry.needs) {
    const needed = lookUp(entry.needs);
    if (needed.missing) return needed;
  }
  if (program) return { from: 'program', at: program };
  const named = process.env[entry.programEnv];
  if (named) return { missing: `${entry.programEnv} names ${named}, where no such program is` };
  const install = entry.debian ? `install ${entry.debian}` : 'install mongod, or Maven and a JDK';
  return { missing: `set ${entry.env}, or ${install}, or let npm run test:all see to it` };
}

/** The names in `KEYCARD_REQUIRE`: servers whose absence is a failure, not a skip. @throws on an unknown name. @returns {ServerName[]} */
export function requiredServers(text = process.env.KEYCARD_REQUIRE ?? '') {
  const names = text.split(',').flatMap((name) => name.trim() || []);
  names.forEach(entryOf);
  return names;
}
