import { describe, expect, it } from '@jest/globals';

import { expiryOf, pack, principalOf, textOf, versionOf } from '../../../../lib/stores/memory/packed-record.js';

describe('a packed record', () => {
  const long = 'ü'.repeat(70_000);

  it.each<[string, string, number, string | undefined, number]>([
    ['ASCII', '{"a":1}', 1_767_225_600_123, '7', 1],
    ['no principal', '{"a":1}', 1_767_225_600_123, undefined, 2],
    ['an empty principal', '{}', 1, '', 3],
    ['Latin letters', '{"a":"Zoë"}', 0, 'Zoë', 4],
    ['other letters and pairs', '{"a":"李雷 😀"}', 2 ** 47, '李雷', 5],
    ['a text that is larger than the buffer kept for them', `{"a":"${long}"}`, 9, long, 2 ** 40],
  ])('gives back what went in: %s', (_, text, expiresAt, principal, version) => {
    const packed = pack(text, expiresAt, principal, version);
    expect([textOf(packed), expiryOf(packed), principalOf(packed), versionOf(packed)]).toEqual([
      text,
      expiresAt,
      principal,
      version,
    ]);
  });

  it('takes the bytes of its UTF-8 and 16 more, whatever the letters', () => {
    for (const text of ['{"a":1}', '{"a":"Zoë"}', '{"a":"李雷 😀"}']) {
      expect(pack(text, 1, undefined, 1).length).toBe(Buffer.byteLength(text) + 16);
    }
  });

  it('expires as late as it can store if there is no expiry, and immediately if the expiry is negative or no number', () => {
    expect(expiryOf(pack('{}', Infinity, undefined, 1))).toBe(2 ** 48 - 1);
    expect(expiryOf(pack('{}', -5, undefined, 1))).toBe(0);
    expect(expiryOf(pack('{}', NaN, undefined, 1))).toBe(0);
  });
});
