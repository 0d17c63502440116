import type { SessionMetadata } from '../record/session-metadata.js';

/** The last `revokeAll()` of a principal. */
export interface RevocationMark {
  /** Sessions without a nonce of their own end if they are older than this time (ms since the epoch). */
  readonly at: number;
  /** New with each `revokeAll()`, so that no clock has to decide what came first. `''`: there was none. */
  readonly nonce: string;
  /** The handle of the session that stays. */
  readonly except: string;
  /** The earlier nonces that the session in `except` may have. */
  readonly before: readonly string[];
}

/** Whether a login that saw the nonce `seen` is still valid under this mark. If the store has lost the mark, it is. */
export function stands(mark: RevocationMark, seen: string, handle: string): boolean {
  return mark.nonce === '' || mark.nonce === seen || (mark.except === handle && mark.before.includes(seen));
}

/** Whether this mark ends a session. A session without a nonce is compared by time. */
export function isRevoked(metadata: SessionMetadata, mark: RevocationMark): boolean {
  if (metadata.revocationNonce !== undefined) return !stands(mark, metadata.revocationNonce, metadata.handle);
  return mark.nonce !== '' && mark.except !== metadata.handle && since(metadata) < mark.at;
}

/** Since when the session belongs to its principal. */
export const since = (metadata: SessionMetadata): number =>
  metadata.authenticatedAt ?? metadata.principalSince ?? metadata.createdAt;

export function newestFirst(a: SessionMetadata, b: SessionMetadata): number {
  return since(b) - since(a) || (a.handle < b.handle ? 1 : a.handle > b.handle ? -1 : 0);
}
