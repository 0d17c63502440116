import type { Duration } from '../../common/duration.js';
import { duration, flag, orFalse, type Resolved, rule, type Rules } from '../../common/option-rules.js';
import type { Clock } from '../clock.js';
import { clock, LONGEST_INTERVAL_MS, LONGEST_LIFE_MS, readStoreOptions, warnOfShort } from '../store-options.js';

/** Options of `FileStore`. */
export interface FileStoreOptions {
  /**
   * The folder. The store makes it if it is missing.
   *
   * @defaultValue `'./sessions'`
   */
  readonly path?: string;
  /**
   * How long a session without a `cookie.originalMaxAge` lives after its last access. In ms, or text such as `'1h'`; session-file-store has it
   * in seconds. It has to be the same in all processes that share the folder.
   *
   * @defaultValue `'1h'`
   */
  readonly ttl?: Duration;
  /**
   * Decides what has expired.
   *
   * @defaultValue the machine's clock
   */
  readonly clock?: Clock;
  /**
   * Whether a write is on the disk, and not only in the system's cache, before it is acknowledged.
   *
   * @defaultValue `true`
   */
  readonly fsync?: boolean;
  /**
   * How often expired sessions are removed, in ms or as text such as `'15m'`; each wait is 50 to 150 % of it. `false`: never.
   *
   * @defaultValue `'1h'`
   */
  readonly pruneInterval?: Duration | false;
  /**
   * `'sync'` blocks for the 5 µs that a small file takes. `'async'` never blocks, at several times the CPU time: for slow network disks.
   *
   * @defaultValue `'sync'`
   */
  readonly reads?: 'sync' | 'async';
}

const HOUR_MS = 3_600_000;

const OPTIONS = {
  path: rule('./sessions', './sessions', (value, place) => {
    if (typeof value === 'string' && value !== '' && !value.includes('\0')) return value;
    throw place.says('takes the path of a folder');
  }),
  ttl: duration("'1h'", HOUR_MS, { most: LONGEST_LIFE_MS }),
  clock,
  fsync: flag(true),
  pruneInterval: orFalse(duration("'1h'", HOUR_MS, { most: LONGEST_INTERVAL_MS })),
  reads: rule<'sync' | 'async'>("'sync'", 'sync', (value, place) => {
    if (value === 'sync' || value === 'async') return value;
    throw place.says('takes "sync" or "async"');
  }),
} satisfies Rules<FileStoreOptions>;

/** @throws TypeError: one sentence that names the option. */
export function readFileStoreOptions(options: FileStoreOptions): Resolved<typeof OPTIONS> {
  const read = readStoreOptions('FileStore', OPTIONS, options);
  warnOfShort('FileStore', 'ttl', options.ttl, 'session-file-store', 'KEYCARD_FILE');
  return read;
}
