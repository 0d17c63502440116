import type { SessionMetadata } from '../../lib/record/session-metadata.js';

/** The metadata of a session of which a test cares only about `more`. */
export const metadataOf = (more: Partial<SessionMetadata> = {}): SessionMetadata => ({
  createdAt: 1_000,
  seenAt: 2_000,
  expiresAt: 3_000,
  handle: 'h',
  nonce: 'secret',
  ...more,
});
