import type { Duration } from '../../common/duration.js';
import { asGiven, duration, flag, type Resolved, rule, type Rules, wholeNumber } from '../../common/option-rules.js';
import type { Clock } from '../clock.js';
import { clock, LONGEST_LIFE_MS, readStoreOptions } from '../store-options.js';
import type { RedisClient } from './redis-client.js';

/** The connection to the server: a client of the app, or the URL of a client that the store makes. */
export type RedisConnection =
  | {
      /** An ioredis or node-redis client. The store closes it only with `ownsClient`. */
      readonly client: RedisClient;
      /**
       * Whether `close()` ends the client. For a client that only this store uses.
       *
       * @defaultValue `false`
       */
      readonly ownsClient?: boolean | undefined;
      readonly url?: undefined;
    }
  | {
      /**
       * The URL of a server, such as `redis://localhost:6379` or `rediss://user:password@host`. The store makes an
       * ioredis client and closes it.
       */
      readonly url: string;
      readonly client?: undefined;
      readonly ownsClient?: undefined;
    };

/** Options of `RedisStore`. */
export type RedisStoreOptions = RedisConnection & {
  /**
   * The prefix of the keys of sessions, behind the client's own key prefix.
   *
   * @defaultValue `'sess:'`, as in connect-redis
   */
  readonly prefix?: string | undefined;
  /**
   * Lifetime of a record without an expiry. A number is in seconds, as in connect-redis; text has its unit, such as
   * `'1d'`.
   *
   * @defaultValue `'1d'`
   */
  readonly ttl?: Duration | undefined;
  /**
   * The number of keys that one step of a scan looks at (`list` without a principal, `count`, `clear`).
   *
   * @defaultValue 100
   */
  readonly scanCount?: number | undefined;
  /**
   * The source of the time.
   *
   * @defaultValue the machine's clock
   */
  readonly clock?: Clock | undefined;
};

const OPTIONS = {
  client: asGiven<RedisClient>(),
  ownsClient: flag(undefined),
  url: rule<string | undefined>(undefined, (value, place) => {
    if (typeof value === 'string' && /^(rediss?|unix):\/\//.test(value)) return value;
    throw place.says('takes a string that begins with redis://, rediss:// or unix://');
  }),
  prefix: rule('sess:', (value, place) => {
    if (typeof value === 'string') return value;
    throw place.wrongType(value, 'a text');
  }),
  ttl: duration(86_400_000, { unitMs: 1_000, most: LONGEST_LIFE_MS / 1_000, isWhole: true }),
  scanCount: wholeNumber(100, 'a whole number of keys above 0'),
  clock,
} satisfies Rules<RedisStoreOptions>;

/** The options with their defaults; `ttl` in ms. */
export type ResolvedRedisOptions = Resolved<typeof OPTIONS>;

export function readRedisStoreOptions(options: RedisStoreOptions): ResolvedRedisOptions {
  const read = readStoreOptions('RedisStore', OPTIONS, options);
  if ((read.client === undefined) === (read.url === undefined)) {
    throw new TypeError(
      'RedisStore takes either "client", an ioredis or node-redis client, or "url", such as redis://localhost:6379.',
    );
  }
  if (read.ownsClient !== undefined && read.url !== undefined) {
    throw new TypeError(
      'RedisStore: "ownsClient" can only be used with "client"; the store always ends the client of "url".',
    );
  }
  return read;
}
