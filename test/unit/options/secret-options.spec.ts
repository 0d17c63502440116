import { beforeEach, expect, it } from '@jest/globals';
import { secretsOf } from '../../../lib/options/secret-options.js';

const SECRET = 'x'.repeat(32);
const SHORT = 'x'.repeat(31);
let warnings: string[];
const logger = { warn: (text: string) => warnings.push(text), error: () => undefined };
const read = (secret: unknown, { strict = false, anyLength = false, allowShortSecret = false } = {}): unknown =>
  secretsOf({ secret: secret as string, allowShortSecret }, strict, logger, anyLength);

beforeEach(() => {
  warnings = [];
});

it.each<[string, unknown, number]>([
  ['text', SECRET, 1],
  ['a Buffer', Buffer.alloc(32), 1],
  ['several', [SECRET, Buffer.alloc(32)], 2],
])('takes %s', (_, secret, count) => expect(read(secret, { strict: true })).toHaveLength(count));

it.each([
  ['is refused in production', { strict: true }, '"secret" got one of 31 bytes', 0],
  ['is taken in production with allowShortSecret', { strict: true, allowShortSecret: true }, undefined, 0],
  ["is taken by express-session's API", { strict: true, anyLength: true }, undefined, 0],
  ['is taken in development, with a warning', {}, undefined, 1],
])('a short secret %s', (_, how, says, count) => {
  if (says === undefined) expect(read(SHORT, how)).toEqual([SHORT]);
  else expect(() => read(SHORT, how)).toThrow(says);
  expect(warnings).toHaveLength(count);
});

it('a secret of the documentation is refused in production, and never shown', () => {
  const known = 'a secret that is only for the tests';
  expect(read(known)).toEqual([known]);
  expect(() => read(known, { strict: true })).toThrow('so anybody can sign cookies with it');
  expect(() => read(known, { strict: true })).not.toThrow(known);
});
