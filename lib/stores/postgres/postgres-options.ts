import type { Clock } from '../clock.js';
import { systemClock } from '../clock.js';
import { checkBoolean, checkClock, checkNames, show } from '../store-options.js';
import type { PostgresClient } from './postgres-client.js';

/** Text such as `'90s'`, `'15m'`, `'1h'`, `'1d'`. */
export type PostgresDuration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/** How a `PostgresStore` is set up. Exactly one of `pool`, `client` and `connectionString` says where the server is. */
export interface PostgresStoreOptions {
  /** A `Pool` of `pg`. The store ends it with `ownsClient` only. */
  readonly pool?: PostgresClient | undefined;
  /** A connected `Client` or `PoolClient` of `pg`: one connection, so one query at a time. The store ends it with `ownsClient` only. */
  readonly client?: PostgresClient | undefined;
  /** Whether `close()` ends the pool or client, as for one that is made for this store alone. Default: `false`. */
  readonly ownsClient?: boolean | undefined;
  /** For a pool that the store makes, and ends in `close()`: `postgres://user:password@host:5432/database`. */
  readonly connectionString?: string | undefined;
  /** Default: `session`. */
  readonly tableName?: string | undefined;
  /** Default: what the connection's `search_path` finds. */
  readonly schemaName?: string | undefined;
  /**
   * Whether `open()` creates what is missing: the table with its indexes, or, on a table of less than 64 MiB, an
   * index. Safe when several processes start at once. Default: `true`; `false` where the role may not create tables.
   */
  readonly createTableIfMissing?: boolean | undefined;
  /**
   * How often expired rows are removed: seconds or text such as `'15m'`; each wait is 50 to 150 % of it, so that
   * processes spread. Default: `'15m'`. `false`: never, for a database that has a job for it.
   */
  readonly pruneInterval?: number | PostgresDuration | false | undefined;
  /**
   * Named prepared statements, which spare the server the planning. Default: `true`. `false` behind a pooler that gives
   * each transaction another connection (PgBouncer in transaction mode before 1.21).
   */
  readonly preparedStatements?: boolean | undefined;
  /**
   * How long one query may take before its connection is given up: ms or text such as `'5s'`. Default: `'5s'`. Longer
   * than the module's `storeTimeout`, which answers the request; this one gets rid of a connection that is dead.
   */
  readonly queryTimeout?: number | PostgresDuration | undefined;
  /** Default: the machine's. */
  readonly clock?: Clock | undefined;
}

/** The options with their defaults. */
export interface ResolvedPostgresOptions {
  readonly client: PostgresClient | undefined;
  readonly ownsClient: boolean;
  readonly connectionString: string | undefined;
  readonly tableName: string;
  readonly schemaName: string | undefined;
  readonly createTableIfMissing: boolean;
  readonly pruneIntervalMs: number | false;
  readonly preparedStatements: boolean;
  readonly queryTimeoutMs: number;
  readonly clock: Clock;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** The longest wait that a Node timer takes. */
const LONGEST_MS = 2 ** 31 - 1;

const NAMES: readonly (keyof PostgresStoreOptions)[] = [
  'pool',
  'client',
  'ownsClient',
  'connectionString',
  'tableName',
  'schemaName',
  'createTableIfMissing',
  'pruneInterval',
  'preparedStatements',
  'queryTimeout',
  'clock',
];

/** @throws TypeError with a sentence that names the option. */
export function resolveOptions(options: PostgresStoreOptions = {}): ResolvedPostgresOptions {
  checkNames('PostgresStore', options, NAMES);
  checkBoolean('PostgresStore', 'createTableIfMissing', options.createTableIfMissing);
  checkBoolean('PostgresStore', 'preparedStatements', options.preparedStatements);
  checkBoolean('PostgresStore', 'ownsClient', options.ownsClient);
  checkClock('PostgresStore', options.clock);
  const given = [options.pool, options.client, options.connectionString].filter((value) => value !== undefined);
  if (given.length !== 1) {
    throw new TypeError(
      `PostgresStore got ${given.length} of "pool", "client" and "connectionString"; it takes exactly one of them.`,
    );
  }
  const client = options.pool ?? options.client;
  if (client !== undefined && typeof (client as Partial<PostgresClient>)?.query !== 'function') {
    throw new TypeError(
      'PostgresStore takes a Pool or Client of "pg", or what has their query(), as "pool" or "client".',
    );
  }
  if (client === undefined && (typeof options.connectionString !== 'string' || options.connectionString === '')) {
    throw new TypeError('PostgresStore takes text such as postgres://user@host/database as "connectionString".');
  }
  if (client === undefined && options.ownsClient !== undefined) {
    throw new TypeError(
      'PostgresStore: "ownsClient" goes with "pool" or "client"; the pool of "connectionString" is the store\'s own.',
    );
  }
  return Object.freeze({
    client,
    ownsClient: client === undefined || options.ownsClient === true,
    connectionString: options.connectionString,
    tableName: identifier(options.tableName ?? 'session', 'tableName'),
    schemaName: options.schemaName === undefined ? undefined : identifier(options.schemaName, 'schemaName'),
    createTableIfMissing: options.createTableIfMissing ?? true,
    pruneIntervalMs:
      options.pruneInterval === false ? false : duration(options.pruneInterval ?? '15m', 'pruneInterval', 1_000),
    preparedStatements: options.preparedStatements ?? true,
    queryTimeoutMs: duration(options.queryTimeout ?? '5s', 'queryTimeout', 1),
    clock: options.clock ?? systemClock,
  });
}

function identifier(name: unknown, option: string): string {
  // PostgreSQL cuts longer names off without a word, so two tables could become one.
  if (typeof name !== 'string' || name === '' || name.includes('\0') || Buffer.byteLength(name) > 63) {
    throw new TypeError(`PostgresStore takes a name of 1 to 63 bytes as "${option}".`);
  }
  return name;
}

function duration(value: unknown, option: string, numberUnitMs: number): number {
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value) : undefined;
  const ms =
    typeof value === 'number' ? value * numberUnitMs : match ? Number(match[1]) * UNIT_MS[match[2]!]! : Number.NaN;
  // 1.5 times as long is what a randomised wait can come to.
  if (!(ms > 0 && ms * 1.5 <= LONGEST_MS)) {
    const unit = numberUnitMs === 1_000 ? 'seconds' : 'ms';
    throw new TypeError(
      `PostgresStore: "${option}" is ${show(value)} and takes a positive number of ${unit} or text such as '90s', '15m' (at most 16 days).`,
    );
  }
  return ms;
}
