import { describe, expect, it } from '@jest/globals';
import { isRevoked, newestFirst, type RevocationMark, since, stands } from '../../../lib/commit/revocation-mark.js';
import type { SessionMetadata } from '../../../lib/record/session-metadata.js';

const mark: RevocationMark = { at: 1_000, nonce: 'second', except: 'kept', before: ['first'] };
const session = (more: Partial<SessionMetadata> = {}): SessionMetadata => ({
  createdAt: 500,
  seenAt: 500,
  expiresAt: 9_000,
  handle: 'other',
  nonce: 'n',
  ...more,
});

describe('stands()', () => {
  it.each([
    ['a login that saw this mark', 'second', 'other', true],
    ['a login that saw an older mark', 'first', 'other', false],
    ['the session that stays, with an older mark', 'first', 'kept', true],
    ['the session that stays, with an unknown mark', 'unknown', 'kept', false],
  ])('%s', (_, seen, handle, expected) => expect(stands(mark, seen, handle)).toBe(expected));

  it('ends nothing if the store has lost the mark', () => {
    expect(stands({ ...mark, nonce: '' }, 'any', 'other')).toBe(true);
  });
});

describe('isRevoked()', () => {
  it.each([
    ['a session with this nonce', { revocationNonce: 'second' }, false],
    ['a session with another nonce, though it is newer', { revocationNonce: 'first', authenticatedAt: 2_000 }, true],
    ['a session without a nonce that is older', {}, true],
    ['a session without a nonce that is newer', { authenticatedAt: 1_000 }, false],
    ['the session that stays', { handle: 'kept' }, false],
  ])('%s', (_, more, expected) => expect(isRevoked(session(more), mark)).toBe(expected));
});

describe('since() and newestFirst()', () => {
  it('prefer the login, then when the principal was first seen', () => {
    expect(since(session({ authenticatedAt: 7, principalSince: 6 }))).toBe(7);
    expect(since(session({ principalSince: 6 }))).toBe(6);
    expect(since(session())).toBe(500);
  });

  it('sort by time, then by handle', () => {
    const [old, a, b] = [session(), session({ createdAt: 900, handle: 'a' }), session({ createdAt: 900, handle: 'b' })];
    expect([old, a, b].sort(newestFirst)).toEqual([b, a, old]);
  });
});
