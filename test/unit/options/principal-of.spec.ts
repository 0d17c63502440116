import { describe, expect, it } from '@jest/globals';
import { namedPrincipal } from '../../../lib/options/named-principal.js';
import { defaultPrincipalOf, derivePrincipal } from '../../../lib/options/principal-of.js';

describe('defaultPrincipalOf()', () => {
  it.each([
    [{ passport: { user: '7' }, user: { id: 8 } }, '7'],
    [{ passport: { user: { id: 7 } } }, 7],
    [{ user: { id: 7, _id: 'x' } }, 7],
    [{ user: { _id: { toJSON: () => 'objectid' } } }, 'objectid'],
    [{ user: { sub: 'auth0|7' } }, 'auth0|7'],
    [{ user: { id: '' } }, undefined],
    [{ user: { id: Number.NaN } }, undefined],
    [{ user: 'ada' }, undefined],
    [{ passport: null }, undefined],
    [{}, undefined],
  ])('of %j', (data, principal) => expect(defaultPrincipalOf(data)).toBe(principal));
});

describe('derivePrincipal()', () => {
  it.each([undefined, null, ''])('%p means nobody', (given) =>
    expect(derivePrincipal(() => given, {})).toBeUndefined(),
  );
  it.each([7, '7', 7n])('%p becomes text', (given) => expect(derivePrincipal(() => given, {})).toBe('7'));
  it.each([{}, true, Number.NaN])('%p is an error', (given) =>
    expect(() => derivePrincipal(() => given, {})).toThrow(/^principalOf\(data\) returned/),
  );
});

describe('namedPrincipal()', () => {
  it('is everybody only if no principal is given', () => {
    expect(namedPrincipal('list()', {}, ['principal'])).toBeUndefined();
    expect(namedPrincipal('list()', { principal: 7 }, ['principal'])).toBe('7');
    expect(() => namedPrincipal('list()', { principal: undefined }, ['principal'])).toThrow(/"principal" got nothing/);
  });

  it('refuses a key that it does not know', () => {
    expect(() => namedPrincipal('list()', { principle: 7 }, ['principal'])).toThrow(/Did you mean "principal"/);
  });
});
