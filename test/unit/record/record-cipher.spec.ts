import { describe, expect, it } from '@jest/globals';
import { decryptText, deriveKey, encryptText, RecordCipher, successorKey } from '../../../lib/record/record-cipher.js';
import type { SessionMetadata } from '../../../lib/record/session-metadata.js';

const OLD = 'the old key of at least 32 bytes!!';
const NEW = 'the new key of at least 32 bytes!!';
const metadata: SessionMetadata = { createdAt: 1, seenAt: 2, expiresAt: 3, handle: 'h', nonce: 'n', principal: 'ada' };
const COOKIE = '{"path":"/"}';
const TEXT = `{"cookie":${COOKIE},"secret":"cherry"}`;
const encrypted = (key: string, storageKey = 'key'): string =>
  new RecordCipher({ key }).encrypt(storageKey, TEXT, metadata, COOKIE);

describe('encryptText()', () => {
  const key = deriveKey(OLD, 'one purpose');

  it('gives another text each time, which decryptText() reads', () => {
    const [one, two] = [encryptText(key, 'text', 'context'), encryptText(key, 'text', 'context')];
    expect(one).not.toBe(two);
    expect([one, two].map((each) => decryptText(key, each, 'context'))).toEqual(['text', 'text']);
  });

  it.each([
    ['under the key of another purpose', deriveKey(OLD, 'another purpose'), 'context', (text: string) => text],
    ['in another context', key, 'elsewhere', (text: string) => text],
    ['after a change', key, 'context', (text: string) => `${text.slice(0, -2)}AA`],
    ['if it is too short', key, 'context', () => 'AAAA'],
  ])('can not be read %s', (_, other, context, change) => {
    expect(decryptText(other, change(encryptText(key, 'some longer text', 'context')), context)).toBeUndefined();
  });
});

it('successorKey() is another for each id', () => {
  expect(successorKey('a').equals(successorKey('b'))).toBe(false);
  expect(successorKey('a')).toHaveLength(32);
});

describe('RecordCipher', () => {
  it('shows the cookie and the times, but neither the data nor the principal', () => {
    const text = encrypted(OLD);
    expect(JSON.parse(text)).toMatchObject({ cookie: { path: '/' } });
    for (const hidden of ['cherry', 'ada', 'secret']) expect(text).not.toContain(hidden);
  });

  it('reads what an earlier key encrypted, and encrypts with the first', () => {
    const cipher = new RecordCipher({ key: [NEW, OLD] });
    expect(cipher.decrypt('key', encrypted(OLD))).toBe(TEXT);
    expect(new RecordCipher({ key: NEW }).decrypt('key', cipher.encrypt('key', TEXT, metadata, COOKIE))).toBe(TEXT);
  });

  it.each([
    ['under another key', encrypted(NEW)],
    ['under the store key of another record', encrypted(OLD, 'another')],
    ['that is not encrypted', TEXT],
  ])('does not read a record %s', (_, text) =>
    expect(new RecordCipher({ key: OLD }).decrypt('key', text)).toBeUndefined(),
  );

  it('reads plain records with readPlain, and lists their principal too', () => {
    const cipher = new RecordCipher({ key: OLD, readPlain: true });
    expect(cipher.decrypt('key', TEXT)).toBe(TEXT);
    expect(cipher.principalNames('ada')).toEqual([expect.stringMatching(/^[\w-]{32}$/), 'ada']);
  });

  it('names a principal under each key, the current one first', () => {
    const names = [OLD, NEW].map((key) => new RecordCipher({ key }).principalNames('ada')[0]);
    expect(new RecordCipher({ key: [NEW, OLD] }).principalNames('ada')).toEqual([names[1], names[0]]);
  });
});
