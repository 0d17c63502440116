import { expect, it } from '@jest/globals';
import { summaryOf } from '../../../lib/session/session-controls.js';
import { metadataOf } from '../../support/metadata.js';

it('summaryOf() shows times as dates, and no secrets', () => {
  const shown = summaryOf(metadataOf({ authenticatedAt: 1_500, device: { userAgent: 'a', ip: 'b' } }), 'ada');
  expect(shown).toEqual({
    handle: 'h',
    principal: 'ada',
    createdAt: new Date(1_000),
    lastSeenAt: new Date(2_000),
    authenticatedAt: new Date(1_500),
    expiresAt: new Date(3_000),
    device: { userAgent: 'a', ip: 'b' },
  });
  expect(summaryOf(metadataOf(), undefined).authenticatedAt).toBeUndefined();
});
