import type { Duration } from '../../common/duration.js';
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
import type { Clock } from '../clock.js';
import { clock, LONGEST_INTERVAL_MS, LONGEST_TIMER_MS, readStoreOptions, warnOfShort } from '../store-options.js';
import type { PostgresClient } from './postgres-client.js';

/** Text such as `'90s'`, `'15m'`, `'1h'`, `'1d'`. Any `Duration` will do. */
export type PostgresDuration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/** Options of `PostgresStore`. Exactly one of `pool`, `client` and `connectionString` says where the server is. */
export interface PostgresStoreOptions {
  /** A `Pool` of `pg`. The store ends it only with `ownsClient`. */
  readonly pool?: PostgresClient | undefined;
  /** A connected `Client` or `PoolClient` of `pg`: one connection, so one query at a time. The store ends it only with `ownsClient`. */
  readonly client?: PostgresClient | undefined;
  /**
   * Whether `close()` ends the pool or client that was given: for one that is made for this store alone.
   *
   * @defaultValue `false`
   */
  readonly ownsClient?: boolean | undefined;
  /** `postgres://user:password@host:5432/database`. The store makes a pool for it, and ends it in `close()`. */
  readonly connectionString?: string | undefined;
  /** @defaultValue `'session'` */
  readonly tableName?: string | undefined;
  /** @defaultValue what the connection's `search_path` finds */
  readonly schemaName?: string | undefined;
  /**
   * Whether `open()` creates what is missing: the table with its indexes, or, on a table of less than 64 MiB, an index. Safe if several
   * processes start at once. Set it to `false` if the role may not create tables.
   *
   * @defaultValue `true`
   */
  readonly createTableIfMissing?: boolean | undefined;
  /**
   * How often expired rows are removed, in ms or as text such as `'15m'`; each wait is 50 to 150 % of it, so that processes spread. `false`:
   * never, for a database that has a job for it.
   *
   * @defaultValue `'15m'`
   */
  readonly pruneInterval?: Duration | false | undefined;
  /** The same under connect-pg-simple's name, where a number is in seconds. `pruneInterval` goes before it. */
  readonly pruneSessionInterval?: Duration | false | undefined;
  /**
   * Named prepared statements, which spare the server the planning. Set it to `false` behind a pooler that gives each transaction another
   * connection (PgBouncer in transaction mode before 1.21).
   *
   * @defaultValue `true`
   */
  readonly preparedStatements?: boolean | undefined;
  /**
   * How long one query may take before its connection is given up, in ms or as text such as `'5s'`. Longer than the module's `storeTimeout`,
   * which answers the request; this one gets rid of a dead connection.
   *
   * @defaultValue `'5s'`
   */
  readonly queryTimeout?: Duration | undefined;
  /** @defaultValue the machine's clock */
  readonly clock?: Clock | undefined;
}

const isClient = (value: unknown): value is PostgresClient =>
  typeof (value as Partial<PostgresClient> | null)?.query === 'function';

const client = rule<PostgresClient | undefined>('none', undefined, (value) => {
  if (isClient(value)) return value;
  throw new TypeError(
    'PostgresStore takes a Pool or Client of "pg", or what has their query(), as "pool" or "client".',
  );
});

function identifier(value: unknown, { option }: Place): string {
  // PostgreSQL cuts longer names off without a word, so two tables could become one.
  if (typeof value === 'string' && value !== '' && !value.includes('\0') && Buffer.byteLength(value) <= 63)
    return value;
  throw new TypeError(`PostgresStore takes a name of 1 to 63 bytes as "${option}".`);
}

const interval = (unitMs: 1 | 1_000) =>
  orFalse(duration<undefined>("'15m'", undefined, { unitMs, most: Math.floor(LONGEST_INTERVAL_MS / unitMs) }));

const OPTIONS = {
  pool: client,
  client,
  ownsClient: flag(undefined, 'false'),
  connectionString: asGiven<string>('none'),
  tableName: rule('session', 'session', identifier),
  schemaName: rule<string | undefined>('what `search_path` finds', undefined, identifier),
  createTableIfMissing: flag(true),
  pruneInterval: interval(1),
  pruneSessionInterval: interval(1_000),
  preparedStatements: flag(true),
  queryTimeout: duration("'5s'", 5_000, { most: LONGEST_TIMER_MS }),
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

/** @throws TypeError: one sentence that names the option. */
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
    throw new TypeError('PostgresStore takes text such as postgres://user@host/database as "connectionString".');
  }
  if (usedClient === undefined && read.ownsClient !== undefined) {
    throw new TypeError(
      'PostgresStore: "ownsClient" goes with "pool" or "client"; the pool of "connectionString" is the store\'s own.',
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
