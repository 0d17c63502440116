import { expect, it } from '@jest/globals';
import type { SessionMetadata } from '../../../lib/record/session-metadata.js';
import { summaryOf } from '../../../lib/session/session-controls.js';

const session = (more: Partial<SessionMetadata> = {}): SessionMetadata => ({
  createdAt: 1_000,
  seenAt: 2_000,
  expiresAt: 3_000,
  handle: 'h',
  nonce: 'secret',
  ...more,
});

it('summaryOf() shows times as dates, and no secrets', () => {
  const shown = summaryOf(session({ authenticatedAt: 1_500, device: { userAgent: 'a', ip: 'b' } }), 'ada');
  expect(shown).toEqual({
    handle: 'h',
    principal: 'ada',
    createdAt: new Date(1_000),
    lastSeenAt: new Date(2_000),
    authenticatedAt: new Date(1_500),
    expiresAt: new Date(3_000),
    device: { userAgent: 'a', ip: 'b' },
  });
  expect(summaryOf(session(), undefined).authenticatedAt).toBeUndefined();
});
