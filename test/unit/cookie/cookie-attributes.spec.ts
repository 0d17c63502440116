import { describe, expect, it } from '@jest/globals';
import { isCookieName, isSettable, serializeCookie } from '../../../lib/cookie/cookie-attributes.js';

describe('serializeCookie()', () => {
  it('has the order of express-session', () => {
    const attributes = {
      sameSite: 'lax',
      priority: 'high',
      partitioned: true,
      secure: true,
      httpOnly: true,
      expires: new Date(0),
      path: '/app',
      domain: 'example.com',
    } as const;
    expect(serializeCookie('sid', 'a b', attributes)).toBe(
      'sid=a%20b; Domain=example.com; Path=/app; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; Partitioned; Priority=High; SameSite=Lax',
    );
  });

  it.each([
    [true, 'Strict'],
    ['none', 'None'],
  ] as const)('sameSite %j is %s', (sameSite, text) =>
    expect(serializeCookie('sid', 'v', { sameSite })).toContain(`SameSite=${text}`),
  );

  it('leaves out what is not set, and sameSite: false', () => {
    expect(serializeCookie('sid', 'v', { sameSite: false, httpOnly: false })).toBe('sid=v');
  });

  it.each([
    ['a name with a space', 's id', {}],
    ['a domain with a port', 'sid', { domain: 'example.com:80' }],
    ['a path with a semicolon', 'sid', { path: '/a;Secure' }],
    ['a path with a line break', 'sid', { path: '/a\r\nX: y' }],
    ['an invalid Date', 'sid', { expires: new Date(Number.NaN) }],
    ['an unknown priority', 'sid', { priority: 'urgent' as never }],
    ['an unknown sameSite', 'sid', { sameSite: 'maybe' as never }],
  ])('refuses %s', (_, name, attributes) => expect(() => serializeCookie(name, 'v', attributes)).toThrow());
});

describe('isCookieName()', () => {
  it.each(['sid', '__Host-sid', "!#$%&'*+-.^_`|~"])('%s is one', (name) => expect(isCookieName(name)).toBe(true));
  it.each(['', 'a b', 'a=b', 'a;b', 'ü', 7])('%p is none', (name) => expect(isCookieName(name)).toBe(false));
});

describe('isSettable()', () => {
  it.each([
    ['path', '/app', true],
    ['path', '/a;b', false],
    ['secure', true, true],
    ['secure', 'yes', false],
    ['unknown', true, false],
    ['toString', true, false],
  ])('%s: %j', (name, value, expected) => expect(isSettable(name, value)).toBe(expected));
});
