import type { SessionMetadata } from '../record/session-metadata.js';

/** The last `revokeAll()` of a principal. */
export interface RevocationMark {
  /** Sessions without a nonce of their own end if they are older than this, in ms since the epoch. */
  readonly at: number;
  /** Changes with every `revokeAll()`, so that no clock has to tell what came first. `''`: there was none. */
  readonly nonce: string;
  /** The handle of the session that stays. */
  readonly except: string;
  /** The nonces with which that session stays: an earlier `revokeAll()` may have ended it. */
  readonly before: readonly string[];
}

/** Whether a login that saw one mark still counts now that there is this one. A mark that the store has lost ends nothing. */
export function stands(mark: RevocationMark, seen: string, handle: string): boolean {
  return mark.nonce === '' || mark.nonce === seen || (mark.except === handle && mark.before.includes(seen));
}

/** Whether a mark ends a session. A session that doesn't say which mark it began with is told by its time. */
export function isRevoked(metadata: SessionMetadata, mark: RevocationMark): boolean {
  if (metadata.revocationNonce !== undefined) return !stands(mark, metadata.revocationNonce, metadata.handle);
  return mark.nonce !== '' && mark.except !== metadata.handle && since(metadata) < mark.at;
}

/** Since when a session is its principal's. */
export const since = (metadata: SessionMetadata): number =>
  metadata.authenticatedAt ?? metadata.principalSince ?? metadata.createdAt;

export function newestFirst(a: SessionMetadata, b: SessionMetadata): number {
  return since(b) - since(a) || (a.handle < b.handle ? 1 : a.handle > b.handle ? -1 : 0);
}
