import { since } from '../commit/revocation-mark.js';
import type { SessionMetadata } from '../record/session-metadata.js';
import type { SessionSummary } from '../session/session-controls.js';

/** The most sessions of one page. */
const MOST_AT_ONCE = 1_000;

/** What to list. */
export interface SessionListQuery {
  /**
   * Only this principal's sessions. To list everybody's, leave it out: `undefined` as a value is refused.
   *
   * @defaultValue everybody's sessions, for which the whole store is read
   */
  readonly principal?: string | number | undefined;
  /**
   * The most sessions to return.
   *
   * @defaultValue 100
   */
  readonly limit?: number | undefined;
  /** The cursor of an earlier page, to continue after it. */
  readonly cursor?: string | undefined;
}

/** A page of sessions, with a `cursor` if there are more. */
export interface SessionPage {
  readonly sessions: SessionSummary[];
  readonly cursor?: string;
}

/** Where a session is in its principal's list. The place remains when the session ends. */
export const placeOf = (metadata: SessionMetadata): string => `${since(metadata)} ${metadata.handle}`;

/** The inverse of `placeOf`, as far as the order needs it. */
export function placeIn(cursor: string): SessionMetadata {
  const [at = '', h = ''] = cursor.split(' ');
  return { createdAt: Number(at), seenAt: 0, expiresAt: 0, nonce: '', handle: h };
}

/** @throws TypeError for an invalid `limit`. */
export function bounded(limit: number): number {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MOST_AT_ONCE)
    throw new TypeError(`list({ limit }): limit must be a whole number from 1 to ${MOST_AT_ONCE}.`);
  return limit;
}
