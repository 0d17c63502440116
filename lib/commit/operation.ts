import { SessionUnavailableError } from '../common/errors.js';
import type { SessionCore } from '../session/session-core.js';
import type { CommitServices } from './commit-services.js';

/** The result of a write. `gone`: the session had already ended. */
export type Written = 'ok' | 'gone' | 'skipped';

/** One call of the writer. */
export interface Operation {
  /** The caller was already told that it took too long. So the operation stops, and undoes what it can. */
  isLate: boolean;
}

/** The longest total wait of a caller: for its turn, and for all store calls of one write. */
export const longestWaitMs = (storeTimeoutMs: number): number => 2 * storeTimeoutMs;

export function assertInTime({ isLate }: Operation, { options }: CommitServices): void {
  if (isLate) throw waitedTooLong(longestWaitMs(options.storeTimeoutMs));
}

export const waitedTooLong = (ms: number): SessionUnavailableError =>
  new SessionUnavailableError(undefined, {
    cause: new Error(
      `Reading or saving the session took longer than ${ms} ms, including the wait for other writes of it (twice "storeTimeout").`,
    ),
  });

/** Marks a session whose record is no longer in the store. */
export function markGone(core: SessionCore, { counters }: CommitServices): 'gone' {
  counters.gone += 1;
  if (core.status !== 'ended-here') core.status = 'ended-elsewhere';
  return 'gone';
}
