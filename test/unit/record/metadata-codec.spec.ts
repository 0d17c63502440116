import { describe, expect, it } from '@jest/globals';
import { decodeMetadata, encodeMetadata } from '../../../lib/record/metadata-codec.js';
import type { SessionMetadata } from '../../../lib/record/session-metadata.js';

const whole: SessionMetadata = {
  createdAt: 1,
  seenAt: 2,
  expiresAt: 3,
  handle: 'h',
  nonce: 'n',
  earlierNonces: ['e'],
  idSince: 4,
  principal: '7',
  formerPrincipal: '6',
  authenticatedAt: 5,
  principalSince: 6,
  loginFingerprint: 'f',
  loginKeys: ['role'],
  revocationNonce: 'r',
  device: { userAgent: 'ua', ip: '::1' },
  cookieOverrides: { maxAge: 9 },
  binding: 'b',
  schemaVersion: 2,
  loginNumber: 8,
  revokedUntil: 10,
  places: [{ number: 1, handle: 'p', until: 11, isInPlace: true }],
  replaced: { until: 12, clientLink: 'c', serverLink: 's', nextKey: 'k' },
  others: { ofLater: true },
};

describe('the metadata of a record', () => {
  it('come back as they were, those of a later version included', () => {
    expect(decodeMetadata(JSON.parse(encodeMetadata(whole)))).toEqual(whole);
  });

  it('are pending only as long as no other write has followed, as version 0.1 keeps what it does not know (#11)', () => {
    const text = encodeMetadata({ ...whole, isPending: true });
    expect(decodeMetadata(JSON.parse(text))).toMatchObject({ isPending: true });
    expect(decodeMetadata({ ...(JSON.parse(text) as object), n: 'of another write' })!.isPending).toBeUndefined();
  });

  const json = JSON.parse(encodeMetadata(whole)) as Record<string, unknown>;
  const required = ['v', 'c', 's', 'e', 'h', 'n'];

  it.each(required)('are refused without "%s"', (key) => {
    const { [key]: _, ...rest } = json;
    expect(decodeMetadata(rest)).toBeUndefined();
  });

  it.each(Object.keys(json).filter((key) => !required.includes(key)))('may lack "%s"', (key) => {
    const { [key]: _, ...rest } = json;
    expect(decodeMetadata(rest)).toBeDefined();
  });

  it.each(Object.keys(json).filter((key) => key !== 'ofLater'))('are refused with another type of "%s"', (key) => {
    expect(decodeMetadata({ ...json, [key]: true })).toBeUndefined();
  });

  it.each([null, 'text', 7, [], { v: 2 }])('are refused as %p', (value) => {
    expect(decodeMetadata(value)).toBeUndefined();
  });
});
