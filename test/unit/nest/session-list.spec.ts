import { describe, expect, it } from '@jest/globals';
import { newestFirst } from '../../../lib/commit/revocation-mark.js';
import { bounded, placeIn, placeOf } from '../../../lib/nest/session-list.js';
import { metadataOf } from '../../support/metadata.js';

it('a place in the list has the order of its session, also after that has ended', () => {
  const sessions = [
    metadataOf({ authenticatedAt: 9_000 }),
    metadataOf({ principalSince: 8_000 }),
    metadataOf({ handle: 'b' }),
    metadataOf({ handle: 'a' }),
  ];
  for (const [n, one] of sessions.entries())
    for (const [m, other] of sessions.entries())
      expect(Math.sign(newestFirst(placeIn(placeOf(one)), other))).toBe(Math.sign(n - m));
});

describe('bounded()', () => {
  it.each([1, 1_000])('takes %d', (limit) => expect(bounded(limit)).toBe(limit));
  it.each([0, 1_001, 1.5, Number.NaN])('refuses %d', (limit) =>
    expect(() => bounded(limit)).toThrow('limit must be a whole number from 1 to 1000'),
  );
});
