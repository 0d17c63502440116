import { LONGEST_TIMER_MS } from '../../common/deadline.js';
import type { Duration } from '../../common/duration.js';
import { hasMethods } from '../../common/has-methods.js';
import {
  asGiven,
  duration,
  flag,
  orFalse,
  type Place,
  type Resolved,
  rule,
  type Rules,
} from '../../common/option-rules.js';
import type { WithClock } from '../clock.js';
import { clock, LONGEST_INTERVAL_MS, readStoreOptions, warnOfShort } from '../store-options.js';
import type { PostgresClient } from './postgres-client.js';

/** Text such as `'90s'`, `'15m'`, `'1h'`, `'1d'`. Every `Duration` is accepted. */
export type PostgresDuration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/** Options of `PostgresStore`. Give exactly one of `pool`, `client` and `connectionString`. */
export interface PostgresStoreOptions extends WithClock {
  /** A `Pool` of `pg`. The store ends it only with `ownsClient`. */
  readonly pool?: PostgresClient | undefined;
  /** A connected `Client` or `PoolClient` of `pg`: one connection, so one query at a time. The store ends it only with `ownsClient`. */
  readonly client?: PostgresClient | undefined;
  /**
   * Whether `close()` ends the given pool or client. For one that only this store uses.
   *
   * @defaultValue `false`
   */
  readonly ownsClient?: boolean | undefined;
  /** `postgres://user:password@host:5432/database`. The store makes a pool for it, and ends it in `close()`. */
  readonly connectionString?: string | undefined;
  /**
   * The name of the table.
   *
   * @defaultValue `'session'`
   */
  readonly tableName?: string | undefined;
  /**
   * The schema of the table.
   *
   * @defaultValue the first one in the connection's `search_path` that has the table
   */
  readonly schemaName?: string | undefined;
  /**
   * Whether `open()` creates what is missing: the table with its indexes; or, if the table has less than 64 MiB, an
   * index. Safe if several processes start at once. Set it to `false` if the role may not create tables.
   *
   * @defaultValue `true`
   */
  readonly createTableIfMissing?: boolean | undefined;
  /**
   * How often expired rows are removed, in ms or as text such as `'15m'`. Each interval is 50 to 150 % of it, so that
   * processes don't prune together. `false`: never, if the database has its own job for that.
   *
   * @defaultValue `'15m'`
   */
  readonly pruneInterval?: Duration | false | undefined;
  /** connect-pg-simple's name for `pruneInterval`, where a number is in seconds. `pruneInterval` overrides it. */
  readonly pruneSessionInterval?: Duration | false | undefined;
  /**
   * Whether to use named prepared statements, which save the server the planning. Set it to `false` behind a pooler
   * that gives each transaction another connection (PgBouncer in transaction mode before 1.21).
   *
   * @defaultValue `true`
   */
  readonly preparedStatements?: boolean | undefined;
  /**
   * How long one query may take until its connection is dropped, in ms or as text such as `'5s'`. Set it longer than
   * the module's `storeTimeout`, which answers the request; this one removes dead connections.
   *
   * @defaultValue `'5s'`
   */
  readonly queryTimeout?: Duration | undefined;
}

const client = rule<PostgresClient | undefined>(undefined, (value) => {
  if (hasMethods(value, 'query')) return value as PostgresClient;
  throw new TypeError(
    'PostgresStore: "pool" or "client" must be a Pool or Client of "pg", or an object with their query().',
  );
});

function identifier(value: unknown, { option }: Place): string {
  // PostgreSQL silently truncates longer names, so two tables could become one.
  if (typeof value === 'string' && value !== '' && !value.includes('\0') && Buffer.byteLength(value) <= 63)
    return value;
  throw new TypeError(`PostgresStore: "${option}" must be a name of 1 to 63 bytes.`);
}

const interval = (unitMs: 1 | 1_000) =>
  orFalse(duration<undefined>(undefined, { unitMs, most: Math.floor(LONGEST_INTERVAL_MS / unitMs) }));

const OPTIONS = {
  pool: client,
  client,
  ownsClient: flag(undefined),
  connectionString: asGiven<string>(),
  tableName: rule('session', identifier),
  schemaName: rule<string | undefined>(undefined, identifier),
  createTableIfMissing: flag(true),
  pruneInterval: interval(1),
  pruneSessionInterval: interval(1_000),
  preparedStatements: flag(true),
  queryTimeout: duration(5_000, { most: LONGEST_TIMER_MS }),
  clock,
} satisfies Rules<PostgresStoreOptions>;

/** The options with their defaults; times in ms. */
export interface ResolvedPostgresOptions extends Omit<
  Resolved<typeof OPTIONS>,
  'pool' | 'pruneInterval' | 'pruneSessionInterval' | 'queryTimeout'
> {
  readonly pruneIntervalMs: number | false;
  readonly queryTimeoutMs: number;
}

export function resolveOptions(options: PostgresStoreOptions = {}): ResolvedPostgresOptions {
  const given = [options?.pool, options?.client, options?.connectionString].filter((value) => value !== undefined);
  const read = readStoreOptions('PostgresStore', OPTIONS, options);
  const { pool, pruneInterval, pruneSessionInterval, queryTimeout, ...others } = read;
  if (given.length !== 1) {
    throw new TypeError(
      `PostgresStore got ${given.length} of "pool", "client" and "connectionString"; it takes exactly one of them.`,
    );
  }
  const usedClient = pool ?? read.client;
  if (usedClient === undefined && (typeof read.connectionString !== 'string' || read.connectionString === '')) {
    throw new TypeError('PostgresStore: "connectionString" must be a string such as postgres://user@host/database.');
  }
  if (usedClient === undefined && read.ownsClient !== undefined) {
    throw new TypeError(
      'PostgresStore: "ownsClient" can only be used with "pool" or "client"; the store always ends the pool of "connectionString".',
    );
  }
  warnOfShort('PostgresStore', 'pruneInterval', options.pruneInterval, 'connect-pg-simple', 'KEYCARD_POSTGRES');
  return Object.freeze({
    ...others,
    client: usedClient,
    ownsClient: usedClient === undefined || read.ownsClient === true,
    pruneIntervalMs: pruneInterval ?? pruneSessionInterval ?? 900_000,
    queryTimeoutMs: queryTimeout,
  });
}
