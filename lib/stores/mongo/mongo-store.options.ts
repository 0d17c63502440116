import type { Collection, Db, MongoClient, MongoClientOptions } from 'mongodb';
import type { Clock } from '../clock.js';
import { systemClock } from '../clock.js';
import { checkBoolean, checkClock, checkNames, show } from '../store-options.js';

/** How a `MongoStore` is set up. Exactly one of `client`, `db`, `collection` and `url` says where the server is. */
export interface MongoStoreOptions {
  /** A client of the package `mongodb`, or a promise of one. The store closes it with `ownsClient` only. */
  readonly client?: MongoClient | PromiseLike<MongoClient> | undefined;
  /** Whether `close()` closes the client, as for one that is made for this store alone. Default: `false`. */
  readonly ownsClient?: boolean | undefined;
  /** With `client` or `url`: the database. Default: the one that the connection string names, else `test`. */
  readonly dbName?: string | undefined;
  /** A database of a client of the app's. */
  readonly db?: Db | undefined;
  /** The collection itself. */
  readonly collection?: Collection | undefined;
  /** For a client that the store makes, and closes: `mongodb://user:password@host/database`. */
  readonly url?: string | undefined;
  /** With `url`: options for that client. Default: it looks for a server, and connects, for 2 s at most. */
  readonly clientOptions?: MongoClientOptions | undefined;
  /** Default: `sessions`, as connect-mongo has it. */
  readonly collectionName?: string | undefined;
  /**
   * What new versions are written as: JSON text (`true`, the default), or a sub-document (`false`), which queries can look
   * into. Both are read, whichever it is. Set it as the connect-mongo that shares the collection has it.
   */
  readonly stringify?: boolean | undefined;
  /** Life, in seconds, of a record that names no end. Default: 1 209 600 (14 days), as connect-mongo has it. */
  readonly ttl?: number | undefined;
  /**
   * How often the store removes expired sessions itself, in seconds, where the server can't make a TTL index; each wait is 50
   * to 150 % of it, so that processes spread. Default: 600. `false`: never.
   */
  readonly pruneInterval?: number | false | undefined;
  /** How long one call may take, in ms, before it ends with an error. Default: 5 000. */
  readonly timeout?: number | undefined;
  /** Where the time comes from. Default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

/** Where the collection comes from. */
export type MongoSource =
  | { readonly kind: 'client'; readonly client: MongoClient | PromiseLike<MongoClient>; readonly isOwn: boolean }
  | { readonly kind: 'db'; readonly db: Db }
  | { readonly kind: 'collection'; readonly collection: Collection }
  | { readonly kind: 'url'; readonly url: string; readonly clientOptions: MongoClientOptions };

/** The options with their defaults. */
export interface ResolvedMongoOptions {
  readonly source: MongoSource;
  readonly dbName: string | undefined;
  readonly collectionName: string;
  readonly stringify: boolean;
  readonly ttlMs: number;
  readonly pruneIntervalMs: number | false;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** The longest wait that a Node timer takes, less what randomising adds. */
const LONGEST_WAIT_S = Math.floor((2 ** 31 - 1) / 1_500);

const NAMES: readonly (keyof MongoStoreOptions)[] = [
  'client',
  'ownsClient',
  'dbName',
  'db',
  'collection',
  'url',
  'clientOptions',
  'collectionName',
  'stringify',
  'ttl',
  'pruneInterval',
  'timeout',
  'clock',
];

/** @throws TypeError, a sentence that names the option. */
export function resolveOptions(options: MongoStoreOptions): ResolvedMongoOptions {
  checkNames('MongoStore', options, NAMES);
  checkClock('MongoStore', options?.clock);
  const source = sourceOf(options ?? {});
  const { dbName, collectionName = 'sessions', stringify = true } = options;
  if (dbName !== undefined && (source.kind === 'db' || source.kind === 'collection')) {
    throw new TypeError(`MongoStore: "dbName" goes with "client" or "url"; "${source.kind}" has its database already.`);
  }
  if (options.collectionName !== undefined && source.kind === 'collection') {
    throw new TypeError(
      'MongoStore: "collectionName" goes with "client", "db" or "url"; "collection" has its name already.',
    );
  }
  name('dbName', dbName);
  name('collectionName', collectionName);
  if (typeof stringify !== 'boolean') {
    throw new TypeError(`MongoStore: "stringify" is ${typeof stringify} and takes true or false.`);
  }
  return Object.freeze({
    source,
    dbName,
    collectionName,
    stringify,
    ttlMs: positive('ttl', 'seconds', options.ttl ?? 1_209_600, Number.MAX_SAFE_INTEGER / 1_000) * 1_000,
    pruneIntervalMs:
      options.pruneInterval === false
        ? false
        : positive('pruneInterval', 'seconds', options.pruneInterval ?? 600, LONGEST_WAIT_S) * 1_000,
    timeoutMs: positive('timeout', 'ms', options.timeout ?? 5_000, 2 ** 31 - 1),
    clock: options.clock ?? systemClock,
  });
}

function sourceOf({ client, ownsClient, db, collection, url, clientOptions }: MongoStoreOptions): MongoSource {
  checkBoolean('MongoStore', 'ownsClient', ownsClient);
  if (ownsClient !== undefined && client === undefined)
    throw new TypeError('MongoStore: "ownsClient" goes with "client".');
  const given = [client, db, collection, url].filter((value) => value !== undefined && value !== null);
  if (given.length !== 1) {
    throw new TypeError(
      `MongoStore got ${given.length} of "client", "db", "collection" and "url"; it takes exactly one of them.`,
    );
  }
  // By what they can do and not by class: the app may have a driver of its own beside ours.
  if (typeof url === 'string' && /^mongodb(\+srv)?:\/\//.test(url)) {
    return { kind: 'url', url, clientOptions: clientOptions ?? {} };
  }
  if (clientOptions !== undefined) throw new TypeError('MongoStore: "clientOptions" goes with "url".');
  if (client && (can(client, 'db') || can(client, 'then')))
    return { kind: 'client', client, isOwn: ownsClient === true };
  if (db && can(db, 'collection')) return { kind: 'db', db };
  if (collection && can(collection, 'findOne')) return { kind: 'collection', collection };
  throw new TypeError(
    'MongoStore takes a MongoClient (or a promise of one) as "client", a Db as "db", a Collection as "collection", or a ' +
      'text that begins with mongodb:// or mongodb+srv:// as "url".',
  );
}

function can(value: object, method: string): boolean {
  return typeof (value as Record<string, unknown>)[method] === 'function';
}

function name(option: string, value: unknown): void {
  if (value === undefined || (typeof value === 'string' && value !== '' && !value.includes('\0'))) return;
  throw new TypeError(`MongoStore: "${option}" takes a text that is not empty.`);
}

function positive(option: string, unit: string, value: unknown, most: number): number {
  if (typeof value === 'number' && value > 0 && value <= most) return value;
  throw new TypeError(
    `MongoStore: "${option}" is ${show(value)} and takes a number of ${unit} above 0, at most ${most}.`,
  );
}
