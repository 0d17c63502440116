import { describe, expect, it } from '@jest/globals';
import { isWellFormedId, newHandle, newNonce, newSessionId } from '../../../lib/common/session-id.js';

describe('new ids', () => {
  it('have 24 bytes as base64url, and never repeat, also when the pool is filled again', () => {
    const ids = Array.from({ length: 1_000 }, newSessionId);
    expect(new Set(ids).size).toBe(1_000);
    expect(ids.every((id) => /^[\w-]{32}$/.test(id))).toBe(true);
  });

  it('use every letter at every place', () => {
    const letters = Array.from({ length: 32 }, () => new Set<string>());
    for (let n = 0; n < 3_000; n += 1) [...newSessionId()].forEach((letter, at) => letters[at]!.add(letter));
    expect(letters.map(({ size }) => size)).toEqual(letters.map(() => 64));
  });

  it('of handles and nonces differ', () => {
    expect(new Set(Array.from({ length: 500 }, newHandle)).size).toBe(500);
    expect(new Set(Array.from({ length: 500 }, newNonce)).size).toBe(500);
  });
});

describe('isWellFormedId()', () => {
  it.each(['a', '~!', 'x'.repeat(256)])('accepts %p', (id) => expect(isWellFormedId(id)).toBe(true));
  it.each(['', 'x'.repeat(257), 'a b', 'a\n', 'é', 7, undefined])('refuses %p', (id) =>
    expect(isWellFormedId(id)).toBe(false),
  );
});
