import { describe, expect, it } from '@jest/globals';
import { emptyRecord, ParsedRecord, recordText, recordTextWithRaw, tooDeep } from '../../../lib/record/record-text.js';
import type { SessionMetadata } from '../../../lib/record/session-metadata.js';

const metadata: SessionMetadata = { createdAt: 1, seenAt: 2, expiresAt: 3, handle: 'h', nonce: 'n' };
const COOKIE = '{"originalMaxAge":1,"path":"/a}b\\"}"}';
const MOST = 1_000_000;
const read = (text: string): ParsedRecord => {
  const record = ParsedRecord.read(text, MOST);
  if (typeof record === 'string') throw new Error(record);
  return record;
};

describe('ParsedRecord', () => {
  it.each([
    ['no data', '{}'],
    ['data', '{"user":{"id":7},"cart":["a"]}'],
    ['braces and quotes in strings', '{"text":"}\\"{,\\"__keycard\\":{"}'],
    ['a nested key of the metadata', '{"inner":{"__keycard":{"v":1}}}'],
  ])('reads back %s, and writes it again unchanged', (_, data) => {
    const text = recordText(COOKIE, data, metadata);
    const record = read(text);
    expect(record.data()).toEqual(JSON.parse(data));
    expect(record.metadata).toMatchObject(metadata);
    expect(record.cookie()).toEqual(JSON.parse(COOKIE));
    expect(record.hasData(data)).toBe(true);
    expect(record.hasData('{"other":1}')).toBe(false);
    expect(recordTextWithRaw(COOKIE, record.rawData()!, metadata)).toBe(text);
  });

  it.each([
    ['with its keys in another order', '{"cart":["a"],"cookie":{"path":"/"}}'],
    ['with white space', ' { "cookie": { "path": "/" }, "cart": ["a"] } '],
  ])('reads a record without metadata %s', (_, text) => {
    const record = read(text);
    expect([record.metadata, record.data(), record.rawData()]).toEqual([undefined, { cart: ['a'] }, undefined]);
  });

  it.each([
    ['not a JSON object', '[]'],
    ['not a JSON object', 'null'],
    ['not a JSON object', '{"cookie":{'],
    ['it holds the key __proto__', '{"cookie":{},"__proto__":{"isAdmin":true}}'],
    ['its metadata can not be read', '{"cookie":{},"__keycard":{"v":2}}'],
    ['nested too deep', `{"cookie":{},"a":${'['.repeat(501)}${']'.repeat(501)}}`],
  ])('says "%s" of %s', (reason, text) => expect(ParsedRecord.read(text, MOST)).toBe(reason));

  it('refuses a text that is larger than allowed', () => {
    expect(ParsedRecord.read(recordText(COOKIE, '{}', metadata), 20)).toBe('too large');
  });

  it('never gives __proto__ as data', () => {
    const text = recordText(COOKIE, '{"__proto__":{"isAdmin":true}}', metadata);
    expect(read(text).data()).toBe('it holds the key __proto__');
  });
});

describe('emptyRecord()', () => {
  it('is an empty session for express-session, whose cookie expires at the end', () => {
    const { text } = emptyRecord(metadata, 5_002);
    expect(JSON.parse(text)).toMatchObject({
      cookie: { originalMaxAge: 5_000, expires: '1970-01-01T00:00:05.002Z' },
      __keycard: {},
    });
    expect(read(text).data()).toEqual({});
  });
});

describe('tooDeep()', () => {
  it.each([
    ['500 levels', `${'['.repeat(500)}${']'.repeat(500)}`, false],
    ['501 levels', `${'['.repeat(501)}${']'.repeat(501)}`, true],
    ['many brackets beside each other', `[${'[],'.repeat(600)}1]`, false],
    ['brackets in a string', JSON.stringify(`"${'['.repeat(1_200)}\\`), false],
  ])('%s', (_, text, expected) => expect(tooDeep(text)).toBe(expected));
});
