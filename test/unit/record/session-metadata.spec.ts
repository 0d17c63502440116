import { expect, it } from '@jest/globals';
import { isOf, type SessionMetadata } from '../../../lib/record/session-metadata.js';

const of = (principal?: string): SessionMetadata => ({
  createdAt: 1,
  seenAt: 1,
  expiresAt: 2,
  handle: 'h',
  nonce: 'n',
  principal,
});

it.each([
  ["ada's session", of('ada'), true],
  ["bob's session", of('bob'), false],
  ["nobody's session", of(), false],
  ['a record without metadata', undefined, false],
])("isOf('ada') of %s", (_, metadata, expected) => expect(isOf('ada')(metadata)).toBe(expected));
