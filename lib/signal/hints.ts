import type { SessionEventType } from '../common/session-events.js';

/** After these events a session may have ended, or have another id. */
export const HINTS: ReadonlySet<SessionEventType> = new Set<SessionEventType>([
  'logged-out',
  'destroyed',
  'expired',
  'revoked',
  'evicted',
  'renewed',
  'logged-in',
  'principal-void',
  'mismatch',
]);
