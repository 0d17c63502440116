import { expect, it } from '@jest/globals';
import { checkEncryption } from '../../../lib/options/encryption-option.js';

const KEY = 'a key of at least thirty-two bytes';

it.each([{ key: KEY }, { key: [KEY, Buffer.alloc(32)] }, { key: KEY, readPlain: true }])('takes %j', (value) =>
  expect(checkEncryption(value)).toBe(value),
);

it.each<[string, unknown, string]>([
  ['text', KEY, '"encryption" got text; it takes an object with a "key"'],
  ['a short key', { key: 'x'.repeat(31) }, '"encryption.key" got one of 31 bytes'],
  ['a short key among others', { key: [KEY, 'short'] }, '"encryption.key" got one of 5 bytes'],
  ['no key', { key: [] }, '"encryption.key" got an empty array'],
  ['an unknown name', { keys: KEY }, '"encryption.keys" is no option; the options are key, readPlain.'],
  ['readPlain that is no flag', { key: KEY, readPlain: 'yes' }, '"encryption.readPlain" got "yes"'],
])('refuses %s, and does not show it', (_, value, says) => {
  expect(() => checkEncryption(value)).toThrow(says);
  expect(() => checkEncryption(value)).not.toThrow(KEY);
});
