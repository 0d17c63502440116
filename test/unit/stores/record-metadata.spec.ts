import { describe, expect, it } from '@jest/globals';
import { metadataIn, metadataInText } from '../../../lib/stores/record-metadata.js';

const none = undefined;

describe('metadataIn', () => {
  it('reads the metadata of a parsed record, and of nothing else (#14.5)', () => {
    expect(metadataIn({ cookie: {}, __keycard: { p: '7', e: 9 } })).toEqual({ principal: '7', expiresAt: 9 });
    for (const record of [undefined, null, 7, '7', {}, { __keycard: 7 }, { __keycard: null }]) {
      expect(metadataIn(record)).toBeUndefined();
    }
  });
});

describe('metadataInText', () => {
  it.each([
    ['facts that come last', '{"cookie":{},"a":1,"__keycard":{"v":1,"p":"7","e":9}}', { principal: '7', expiresAt: 9 }],
    [
      'facts that a peer put data after',
      '{"cookie":{},"__keycard":{"p":"7"},"b":2}',
      { principal: '7', expiresAt: none },
    ],
    ['facts without a principal', '{"cookie":{},"__keycard":{"v":1}}', { principal: none, expiresAt: none }],
    ['facts of wrong types', '{"__keycard":{"p":7,"e":"9"}}', { principal: none, expiresAt: none }],
    [
      'metadata behind a value that quotes others',
      '{"note":"\\"__keycard\\":{\\"p\\":\\"8\\"}","__keycard":{"p":"7"}}',
      { principal: '7', expiresAt: none },
    ],
    ['braces and quotes in a principal', '{"__keycard":{"p":"a}\\"{"}}', { principal: 'a}"{', expiresAt: none }],
  ])('reads %s', (_, text, expected) => {
    expect(metadataInText(text)).toEqual(expected);
  });

  it.each([
    ['no facts', '{"cookie":{}}'],
    ['facts that are no object', '{"__keycard":"p"}'],
    ['a brace', '{'],
    ['a name alone', '"__keycard":'],
    ['a cut text', '{"cookie":{},"__keycard":{"p":"7"'],
    ['an empty text', ''],
    ['facts that a value only quotes', JSON.stringify({ cart: '"__keycard":{"p":"admin"}}' })],
    ['facts nested in data', '{"cart":{"__keycard":{"p":"admin"}}}'],
    ['facts nested deeper, with data behind', '{"cart":[{"__keycard":{"p":"admin"}}],"b":{}}'],
  ])('reads nothing out of %s', (_, text) => {
    expect(metadataInText(text)).toBeUndefined();
  });

  it('takes the real metadata if the data contain a key of that name too', () => {
    const text = '{"cookie":{},"cart":{"__keycard":{"p":"admin"}},"__keycard":{"p":"7"}}';
    expect(metadataInText(text)?.principal).toBe('7');
    const behind = '{"cookie":{},"__keycard":{"p":"7"},"cart":{"__keycard":{"p":"admin"}}}';
    expect(metadataInText(behind)?.principal).toBe('7');
  });
});
