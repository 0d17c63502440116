import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { nextForClient, SessionLinks } from '../../../lib/commit/session-links.js';
import type { SessionMetadata } from '../../../lib/record/session-metadata.js';
import type { SessionRecords } from '../../../lib/record/session-records.js';

const records = { key: (id: string) => `key of ${id}` } as SessionRecords;
const [oldKey, newKey] = [randomBytes(32), randomBytes(32)];
const before: SessionMetadata = {
  createdAt: 1,
  seenAt: 2,
  expiresAt: 3,
  handle: 'h',
  nonce: 'n',
  principal: '7',
  loginFingerprint: 'f',
};
const NOW = 1_000;
const replace = (keys: readonly Buffer[], oldId?: string): SessionMetadata =>
  new SessionLinks(records, keys).replaced(before, NOW, NOW + 30_000, 'the new id', oldId);

describe('SessionLinks', () => {
  it('leads the server to the new id, also with a key that is being rotated out', () => {
    const replaced = replace([oldKey]);
    const expected = { key: 'key of the new id', id: 'the new id' };
    expect(new SessionLinks(records, [newKey, oldKey]).next(undefined, replaced)).toEqual(expected);
    expect(new SessionLinks(records, [newKey]).next(undefined, replaced)).toBeUndefined();
  });

  it('leads a browser there only if it has the old id, and only after a renewal', () => {
    expect(nextForClient('the old id', replace([oldKey], 'the old id'))).toBe('the new id');
    expect(nextForClient('another id', replace([oldKey], 'the old id'))).toBeUndefined();
    expect(nextForClient('the old id', replace([oldKey]))).toBeUndefined();
    expect(nextForClient('the old id', undefined)).toBeUndefined();
  });

  it('never shows the new id, and keeps the record for ten minutes, without what a login needs', () => {
    const replaced = replace([oldKey], 'the old id');
    expect(JSON.stringify(replaced)).not.toContain('the new id');
    expect(replaced).toMatchObject({ expiresAt: NOW + 600_000, principal: '7', replaced: { until: NOW + 30_000 } });
    expect(replaced.loginFingerprint).toBeUndefined();
  });

  it('follows the key of a record of version 0.1 with hashed ids', () => {
    const links = new SessionLinks(records, [oldKey]);
    expect(links.next(undefined, { ...before, replaced: { until: 9, nextKey: 'hash' } })).toEqual({ key: 'hash' });
  });
});
