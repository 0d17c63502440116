import type { Clock } from '../clock.js';
import { checkBoolean, checkClock, checkNames } from '../store-options.js';
import type { RedisClient } from './redis-client.js';

/** Where the store finds its server: a client of the app's, or a URL for one of its own. */
export type RedisConnection =
  | {
      /** An ioredis or node-redis client. The store closes it with `ownsClient` only. */
      readonly client: RedisClient;
      /** Whether `close()` ends the client, as for one that is made for this store alone. Default: `false`. */
      readonly ownsClient?: boolean | undefined;
      readonly url?: undefined;
    }
  | {
      /** For ioredis, such as `redis://localhost:6379` or `rediss://user:password@host`. The store makes the client and closes it. */
      readonly url: string;
      readonly client?: undefined;
      readonly ownsClient?: undefined;
    };

/** Options of `RedisStore`. */
export type RedisStoreOptions = RedisConnection & {
  /** What the key of a session begins with, after the client's own key prefix. Default: `sess:`, as connect-redis has it. */
  readonly prefix?: string | undefined;
  /** Life, in seconds, of a record that names no end. Default: 86 400 (1 day). */
  readonly ttl?: number | undefined;
  /** How many keys one step of a scan looks at (`list` without a principal, `count`, `clear`). Default: 100. */
  readonly scanCount?: number | undefined;
  /** Where the time comes from. Default: the machine's clock. */
  readonly clock?: Clock | undefined;
};

/** @throws TypeError, a sentence, where an option is wrong. */
export function checkOptions(options: RedisStoreOptions): void {
  checkNames('RedisStore', options, ['client', 'ownsClient', 'url', 'prefix', 'ttl', 'scanCount', 'clock']);
  const { client, url, ownsClient, prefix, ttl, scanCount } = options ?? {};
  if ((client === undefined) === (url === undefined)) {
    throw new TypeError(
      'RedisStore takes either "client", an ioredis or node-redis client, or "url", such as redis://localhost:6379.',
    );
  }
  if (url !== undefined && (typeof url !== 'string' || !/^(rediss?|unix):\/\//.test(url))) {
    throw new TypeError('RedisStore: "url" takes a text that begins with redis://, rediss:// or unix://.');
  }
  checkBoolean('RedisStore', 'ownsClient', ownsClient);
  if (ownsClient !== undefined && url !== undefined) {
    throw new TypeError('RedisStore: "ownsClient" goes with "client"; the client of "url" is the store\'s own.');
  }
  if (prefix !== undefined && typeof prefix !== 'string') {
    throw new TypeError(`RedisStore: "prefix" is ${typeof prefix} and takes a text.`);
  }
  positive('ttl', 'seconds', ttl);
  positive('scanCount', 'keys', scanCount);
  checkClock('RedisStore', options.clock);
}

function positive(name: string, unit: string, value: unknown): void {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) > 0)) return;
  throw new TypeError(`RedisStore: "${name}" is ${String(value)} and takes a whole number of ${unit} above 0.`);
}
