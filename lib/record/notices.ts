import { SessionUnavailableError } from '../common/errors.js';
import { LogLimit } from '../common/log-limit.js';
import type { SessionLogger } from '../options/options.js';
import { isStoreError } from '../stores/session-store.error.js';

const FAILURES = {
  load: 'A session could not be loaded.',
  save: 'A session could not be saved.',
  touch: 'A session could not be kept alive.',
  call: 'The session store failed a call of the app.',
} as const;

/** What the engine tells the log: each warning once, and a store's failures once a second. */
export class Notices {
  private readonly failures = new LogLimit();
  private readonly said = new Set<string>();

  constructor(private readonly logger: SessionLogger) {}

  hasSaid(topic: string): boolean {
    return this.said.has(topic);
  }

  warnOnce(topic: string, message: string): void {
    if (this.said.has(topic)) return;
    this.said.add(topic);
    this.logger.warn(message);
  }

  /** A store that fails does so for many requests: one line a second says it, for each kind of failure. What is the app's own fault is always said. */
  storeFailed(what: keyof typeof FAILURES, error: unknown): void {
    const code = storeCodeOf(error);
    if (code === undefined || this.failures.allows(`${what} ${code}`)) this.logger.error(FAILURES[what], error);
  }

  /** Data whose name clashes with one of the session's. */
  hiddenKey(key: string): void {
    this.warnOnce(
      `hidden ${key}`,
      `Sessions hold a key named "${key}", which the session keeps for itself: it is kept in the record as it is; dataOf(session).${key} reaches it.`,
    );
  }

  /** A number was saved as `null`. */
  notFinite(path: string): void {
    this.warnOnce(
      'not finite',
      `session.${path} is NaN or infinite, which JSON saves as null. Check the number before you store it. This is said once.`,
    );
  }

  error(message: string, cause?: unknown): void {
    this.logger.error(message, cause);
  }

  warn(message: string): void {
    this.logger.warn(message);
  }
}

/** What kind of failure a store had, behind the engine's own error too; `undefined` for an error that is no store's. */
function storeCodeOf(error: unknown): string | undefined {
  const inner = error instanceof SessionUnavailableError ? error.cause : error;
  if (isStoreError(inner)) return inner.code;
  return error instanceof SessionUnavailableError ? 'UNAVAILABLE' : undefined;
}
