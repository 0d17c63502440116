import { describe, expect, it } from '@jest/globals';
import { fingerprint } from '../../../lib/session/login-fingerprint.js';
import { isOutdated, migrated } from '../../../lib/session/migration.js';
import type { SessionMetadata } from '../../../lib/record/session-metadata.js';

const metadata: SessionMetadata = { createdAt: 1, seenAt: 1, expiresAt: 9, handle: 'h', nonce: 'n', schemaVersion: 1 };
const migrate = (data: Record<string, unknown>): Record<string, unknown> => ({ ...data, user: { id: data.userId } });

describe('isOutdated()', () => {
  it.each([
    ['an older version', 1, 2, true],
    ['no version', undefined, 1, true],
    ['the same version', 2, 2, false],
    ['a newer version', 3, 2, false],
    ['an app without a version', 1, undefined, false],
  ])('%s', (_, stored, schemaVersion, expected) =>
    expect(isOutdated({ migrate, schemaVersion }, { ...metadata, schemaVersion: stored })).toBe(expected),
  );
});

describe('migrated()', () => {
  it('keeps a login valid that rests on the data', () => {
    const read = { userId: 7 };
    const before = { ...metadata, loginFingerprint: fingerprint(read, undefined) };
    const result = migrated({ migrate, schemaVersion: 2 }, before, read);
    expect(result.values).toEqual({ userId: 7, user: { id: 7 } });
    expect(result.metadata).toMatchObject({
      schemaVersion: 2,
      loginFingerprint: fingerprint(result.values, undefined),
    });
  });

  it('does not make a login valid that no longer was', () => {
    const before = { ...metadata, loginFingerprint: 'of other data' };
    expect(migrated({ migrate, schemaVersion: 2 }, before, {}).metadata.loginFingerprint).toBe('of other data');
  });

  it.each([null, [], 'text', undefined])('refuses a migrate() that returns %p', (result) =>
    expect(() => migrated({ migrate: () => result as never, schemaVersion: 2 }, metadata, {})).toThrow(/no object/),
  );
});
