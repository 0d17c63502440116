import type { Duration } from '../../common/duration.js';
import { duration, flag, orFalse, type Resolved, rule, type Rules } from '../../common/option-rules.js';
import type { WithClock } from '../clock.js';
import { clock, LONGEST_INTERVAL_MS, LONGEST_LIFE_MS, readStoreOptions, warnOfShort } from '../store-options.js';

/** Options of `FileStore`. */
export interface FileStoreOptions extends WithClock {
  /**
   * The folder. The store creates it if it is missing.
   *
   * @defaultValue `'./sessions'`
   */
  readonly path?: string;
  /**
   * How long a session without a `cookie.originalMaxAge` lives after its last access. In ms, or text such as `'1h'`
   * (session-file-store uses seconds). It must be the same in all processes that share the folder.
   *
   * @defaultValue `'1h'`
   */
  readonly ttl?: Duration;
  /**
   * Whether a write is only acknowledged when it is on the disk, not just in the system's cache.
   *
   * @defaultValue `true`
   */
  readonly fsync?: boolean;
  /**
   * How often expired sessions are removed, in ms or as text such as `'15m'`. Each interval is 50 to 150 % of it.
   * `false`: never.
   *
   * @defaultValue `'1h'`
   */
  readonly pruneInterval?: Duration | false;
  /**
   * `'sync'` blocks for the 5 µs that reading a small file takes. `'async'` never blocks, but uses several times the
   * CPU time: for slow network disks.
   *
   * @defaultValue `'sync'`
   */
  readonly reads?: 'sync' | 'async';
}

const HOUR_MS = 3_600_000;

const OPTIONS = {
  path: rule('./sessions', (value, place) => {
    if (typeof value === 'string' && value !== '' && !value.includes('\0')) return value;
    throw place.says('takes the path of a folder');
  }),
  ttl: duration(HOUR_MS, { most: LONGEST_LIFE_MS }),
  clock,
  fsync: flag(true),
  pruneInterval: orFalse(duration(HOUR_MS, { most: LONGEST_INTERVAL_MS })),
  reads: rule<'sync' | 'async'>('sync', (value, place) => {
    if (value === 'sync' || value === 'async') return value;
    throw place.says('takes "sync" or "async"');
  }),
} satisfies Rules<FileStoreOptions>;

/** The options with their defaults; times in ms. */
export type ResolvedFileOptions = Resolved<typeof OPTIONS>;

export function readFileStoreOptions(options: FileStoreOptions): ResolvedFileOptions {
  const read = readStoreOptions('FileStore', OPTIONS, options);
  warnOfShort('FileStore', 'ttl', options.ttl, 'session-file-store', 'KEYCARD_FILE');
  return read;
}
