import { describe, expect, it } from '@jest/globals';
import { fingerprint, lostLoginKey } from '../../../lib/session/login-fingerprint.js';

const data = { user: { id: 7 }, role: 'admin', cart: [1] };

describe('fingerprint()', () => {
  it.each([
    ['another user', { ...data, user: { id: 8 } }, undefined, false],
    ['a passport user', { ...data, passport: { user: '7' } }, undefined, false],
    ['a key that login() was given', { ...data, role: 'guest' }, ['role'], false],
    ['a key that login() was not given', { ...data, role: 'guest' }, undefined, true],
    ['other data', { ...data, cart: [] }, ['role'], true],
  ])('after a change of %s', (_, changed, keys, isSame) =>
    expect(fingerprint(changed, keys) === fingerprint(data, keys)).toBe(isSame),
  );

  it('treats null like a missing key', () => {
    expect(fingerprint({ user: null }, undefined)).toBe(fingerprint({}, undefined));
  });
});

describe('lostLoginKey()', () => {
  it.each([
    ['deleted', {}, true],
    ['set to null', { user: null }, true],
    ['changed', { user: { id: 8 } }, false],
  ])('of a key that was %s', (_, after, expected) =>
    expect(lostLoginKey({ user: { id: 7 } }, after, undefined)).toBe(expected),
  );

  it('is false for a key that was not there', () => expect(lostLoginKey({}, {}, ['role'])).toBe(false));
});
