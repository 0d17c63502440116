import { SessionUnavailableError } from '../common/errors.js';
import type { SessionCore } from '../session/session-core.js';
import type { CommitServices } from './commit-services.js';

/** What became of a write. */
export type Written = 'ok' | 'gone' | 'skipped';

/** One call of the writer. */
export interface Operation {
  /** Its caller has been told that it took too long: it goes no further, and takes back what it can. */
  isLate: boolean;
}

/** How long a caller waits in all: for its turn, and for all the calls that a write is made of. */
export const longestWaitMs = (storeTimeoutMs: number): number => 2 * storeTimeoutMs;

export function assertInTime({ isLate }: Operation, { options }: CommitServices): void {
  if (isLate) throw waitedTooLong(longestWaitMs(options.storeTimeoutMs));
}

export const waitedTooLong = (ms: number): SessionUnavailableError =>
  new SessionUnavailableError(undefined, {
    cause: new Error(
      `Reading or saving the session, other writes of it included, took longer than ${ms} ms (see "storeTimeout").`,
    ),
  });

/** The session is not in the store any more. */
export function markGone(core: SessionCore, { counters }: CommitServices): 'gone' {
  counters.gone += 1;
  if (core.status !== 'ended-here') core.status = 'ended-elsewhere';
  return 'gone';
}
