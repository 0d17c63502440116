import { describe, expect, it } from '@jest/globals';
import { namedPrincipal, principalIn } from '../../../lib/options/named-principal.js';

const KNOWN = ['principal', 'limit'];

describe('namedPrincipal()', () => {
  it.each([
    ['a string', { principal: 'ada' }, 'ada'],
    ['a number', { principal: 7 }, '7'],
    ['none, which means everybody', { limit: 3 }, undefined],
  ])('takes %s', (_, query, expected) => expect(namedPrincipal('list()', query, KNOWN)).toBe(expected));

  it.each<[string, unknown, string]>([
    ['undefined, the principal of a visitor', { principal: undefined }, 'list(): "principal" got nothing'],
    ['null', { principal: null }, 'list(): "principal" got null'],
    ['an object that became text', { principal: '[object Object]' }, 'list(): "principal" got "[object Object]"'],
    ['an unknown key', { principle: 'ada' }, 'list() got the unknown "principle"; it takes principal, limit.'],
    ['no object', 'ada', 'list() got "ada"; it takes an object with principal, limit.'],
  ])('refuses %s', (_, query, says) => expect(() => namedPrincipal('list()', query as never, KNOWN)).toThrow(says));
});

it('principalIn() says where the principal was given', () => {
  expect(principalIn('revokeAll()', 7)).toBe('7');
  expect(() => principalIn('revokeAll()', {})).toThrow('revokeAll() got an object (Object); it takes the user');
});
