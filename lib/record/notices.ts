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

/** The engine's log lines: each warning once, and failures of the store at most once a second. */
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

  /**
   * A failing store fails for many requests, so each kind of failure is logged at most once a second. Faults of the app
   * are always logged.
   */
  storeFailed(what: keyof typeof FAILURES, error: unknown): void {
    const code = storeCodeOf(error);
    if (code === undefined || this.failures.allows(`${what} ${code}`)) this.logger.error(FAILURES[what], error);
  }

  /** Warns that a key of the data has a reserved name. */
  hiddenKey(key: string): void {
    this.warnOnce(
      `hidden ${key}`,
      `Sessions contain a key named "${key}", which is reserved for the session's own property. The key stays in the record. Read and change it with dataOf(session).${key}.`,
    );
  }

  /** Warns that a number was saved as `null`. */
  notFinite(path: string): void {
    this.warnOnce(
      'not finite',
      `session.${path} is NaN or infinite, which JSON saves as null. Check the number before you store it. This warning is logged once.`,
    );
  }

  error(message: string, cause?: unknown): void {
    this.logger.error(message, cause);
  }

  warn(message: string): void {
    this.logger.warn(message);
  }
}

/** The code of a store's error, also if the engine's own error wraps it; `undefined` for any other error. */
function storeCodeOf(error: unknown): string | undefined {
  const inner = error instanceof SessionUnavailableError ? error.cause : error;
  if (isStoreError(inner)) return inner.code;
  return error instanceof SessionUnavailableError ? 'UNAVAILABLE' : undefined;
}
