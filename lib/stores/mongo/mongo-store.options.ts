import type { Collection, Db, MongoClient, MongoClientOptions } from 'mongodb';
import { LONGEST_TIMER_MS } from '../../common/deadline.js';
import type { Duration } from '../../common/duration.js';
import { hasMethods } from '../../common/has-methods.js';
import { asGiven, duration, flag, orFalse, type Resolved, rule, type Rules } from '../../common/option-rules.js';
import type { WithClock } from '../clock.js';
import { clock, LONGEST_INTERVAL_MS, LONGEST_LIFE_MS, readStoreOptions, warnOfShort } from '../store-options.js';

/** Options of `MongoStore`. Give exactly one of `client`, `db`, `collection` and `url`. */
export interface MongoStoreOptions extends WithClock {
  /** A client of the package `mongodb`, or a promise of one. The store closes it only with `ownsClient`. */
  readonly client?: MongoClient | PromiseLike<MongoClient> | undefined;
  /**
   * Whether `close()` closes the client. For a client that only this store uses.
   *
   * @defaultValue `false`
   */
  readonly ownsClient?: boolean | undefined;
  /**
   * With `client` or `url`: the database.
   *
   * @defaultValue the one that the connection string names, else `test`
   */
  readonly dbName?: string | undefined;
  /** A database of the app's client. */
  readonly db?: Db | undefined;
  /** The collection. */
  readonly collection?: Collection | undefined;
  /** The connection string of a client that the store makes and closes: `mongodb://user:password@host/database`. */
  readonly url?: string | undefined;
  /**
   * With `url`: options of that client.
   *
   * @defaultValue server selection and connecting are limited to 2 s
   */
  readonly clientOptions?: MongoClientOptions | undefined;
  /** @defaultValue `sessions`, as in connect-mongo */
  readonly collectionName?: string | undefined;
  /**
   * How sessions are written: as JSON text (`true`), or as a sub-document (`false`), which queries can use. Both are
   * read. If connect-mongo shares the collection, set it as there.
   *
   * @defaultValue `true`
   */
  readonly stringify?: boolean | undefined;
  /**
   * Lifetime of a record without an expiry. A number is in seconds, as in connect-mongo; text has its unit, such as
   * `'14d'`.
   *
   * @defaultValue `'14d'`
   */
  readonly ttl?: Duration | undefined;
  /**
   * How often the store removes expired sessions, if the server can't make a TTL index. In ms, or text such as `'10m'`.
   * Each interval is 50 to 150 % of it, so that processes don't prune together. `false`: never.
   *
   * @defaultValue `'10m'`
   */
  readonly pruneInterval?: Duration | false | undefined;
  /**
   * How long one call may take until it fails, in ms or as text such as `'5s'`.
   *
   * @defaultValue `'5s'`
   */
  readonly timeout?: Duration | undefined;
}

/** Where the collection comes from. */
export type MongoSource =
  | { readonly kind: 'client'; readonly client: MongoClient | PromiseLike<MongoClient>; readonly isOwn: boolean }
  | { readonly kind: 'db'; readonly db: Db }
  | { readonly kind: 'collection'; readonly collection: Collection }
  | { readonly kind: 'url'; readonly url: string; readonly clientOptions: MongoClientOptions };

const name = rule<string | undefined>(undefined, (value, place) => {
  if (typeof value === 'string' && value !== '' && !value.includes('\0')) return value;
  throw place.says('takes a string that is not empty');
});

const OPTIONS = {
  client: asGiven<MongoClient | PromiseLike<MongoClient>>(),
  ownsClient: flag(undefined),
  dbName: name,
  db: asGiven<Db>(),
  collection: asGiven<Collection>(),
  url: asGiven<string>(),
  clientOptions: asGiven<MongoClientOptions>(),
  collectionName: name,
  stringify: flag(true),
  ttl: duration(1_209_600_000, { unitMs: 1_000, most: LONGEST_LIFE_MS / 1_000 }),
  pruneInterval: orFalse(duration(600_000, { most: LONGEST_INTERVAL_MS })),
  timeout: duration(5_000, { most: LONGEST_TIMER_MS }),
  clock,
} satisfies Rules<MongoStoreOptions>;

type Read = Resolved<typeof OPTIONS>;

/** The options with their defaults; times in ms. */
export interface ResolvedMongoOptions extends Pick<Read, 'dbName' | 'stringify' | 'clock'> {
  readonly source: MongoSource;
  readonly collectionName: string;
  readonly ttlMs: number;
  readonly pruneIntervalMs: number | false;
  readonly timeoutMs: number;
}

export function resolveOptions(options: MongoStoreOptions): ResolvedMongoOptions {
  const read = readStoreOptions('MongoStore', OPTIONS, options);
  const source = sourceOf(read);
  const { dbName, collectionName, stringify, clock: readClock } = read;
  if (dbName !== undefined && (source.kind === 'db' || source.kind === 'collection')) {
    throw new TypeError(
      `MongoStore: "dbName" can only be used with "client" or "url"; "${source.kind}" already has a database.`,
    );
  }
  if (collectionName !== undefined && source.kind === 'collection') {
    throw new TypeError(
      'MongoStore: "collectionName" can only be used with "client", "db" or "url"; "collection" already has a name.',
    );
  }
  warnOfShort('MongoStore', 'pruneInterval', options.pruneInterval, 'versions before 0.2', 'KEYCARD_MONGO');
  return Object.freeze({
    source,
    dbName,
    collectionName: collectionName ?? 'sessions',
    stringify,
    ttlMs: read.ttl,
    pruneIntervalMs: read.pruneInterval,
    timeoutMs: read.timeout,
    clock: readClock,
  });
}

function sourceOf({ client, ownsClient, db, collection, url, clientOptions }: Read): MongoSource {
  if (ownsClient !== undefined && client === undefined)
    throw new TypeError('MongoStore: "ownsClient" can only be used with "client".');
  const given = [client, db, collection, url].filter((value) => value !== undefined && value !== null);
  if (given.length !== 1) {
    throw new TypeError(
      `MongoStore got ${given.length} of "client", "db", "collection" and "url"; it takes exactly one of them.`,
    );
  }
  // Checked by their methods and not by class: the app may have another version of the driver.
  if (typeof url === 'string' && /^mongodb(\+srv)?:\/\//.test(url)) {
    return { kind: 'url', url, clientOptions: clientOptions ?? {} };
  }
  if (clientOptions !== undefined) throw new TypeError('MongoStore: "clientOptions" can only be used with "url".');
  if (client && (hasMethods(client, 'db') || hasMethods(client, 'then')))
    return { kind: 'client', client, isOwn: ownsClient === true };
  if (db && hasMethods(db, 'collection')) return { kind: 'db', db };
  if (collection && hasMethods(collection, 'findOne')) return { kind: 'collection', collection };
  throw new TypeError(
    'MongoStore takes a MongoClient (or a promise of one) as "client", a Db as "db", a Collection as "collection", or a ' +
      'string that begins with mongodb:// or mongodb+srv:// as "url".',
  );
}
