import { describe, expect, it } from '@jest/globals';
import type { CookieAttributes } from '../../../lib/cookie/cookie-attributes.js';
import { cookieAttributes, cookieName } from '../../../lib/options/cookie-options.js';

const DEFAULTS: CookieAttributes = { path: '/', httpOnly: true, sameSite: 'lax' };
const read = (given: unknown, name = 'sid', context = {}): CookieAttributes =>
  cookieAttributes(given, DEFAULTS, name, context);

describe('cookieAttributes()', () => {
  it('adds the defaults, and reads maxAge as a duration', () => {
    expect(read({ maxAge: '1h', path: undefined })).toEqual({ ...DEFAULTS, maxAge: 3_600_000 });
  });

  it.each<[string, object]>([
    ['__Host-sid', { secure: true }],
    ['__Secure-sid', { secure: true, domain: 'example.com', path: '/app' }],
    ['sid', { sameSite: 'none', secure: true, partitioned: true }],
    ['sid', { sameSite: 'NONE', secure: true }],
  ])('%s may have %j', (name, given) => expect(read(given, name)).toMatchObject(given));

  it.each<[string, unknown, string]>([
    ['sid', { maxage: 1 }, '"cookie.maxage" is no cookie attribute'],
    ['sid', { path: 'app' }, '"cookie.path" got "app"; it takes a path that begins with a slash'],
    ['sid', { sameSite: 'none' }, 'without "cookie.secure", which browsers refuse'],
    ['sid', { sameSite: 'NONE' }, 'without "cookie.secure", which browsers refuse'],
    ['sid', { partitioned: true }, 'without "cookie.secure", which browsers refuse'],
    ['__HOST-sid', { secure: true, path: '/app' }, 'requires "cookie.path": \'/\''],
    ['__host-sid', { secure: true, domain: 'example.com' }, 'forbids "cookie.domain"'],
    ['__Secure-sid', { secure: 'auto' }, 'requires "cookie.secure": true'],
  ])('%s may not have %j', (name, given, says) => expect(() => read(given, name)).toThrow(says));

  it("warns of what browsers refuse, instead of an error, for express-session's API", () => {
    const warnings: string[] = [];
    const unusableCookie = (message: string) => warnings.push(message);
    expect(read({ sameSite: 'none', path: 'app' }, 'sid', { unusableCookie })).toMatchObject({ path: 'app' });
    expect(warnings).toHaveLength(2);
  });
});

it('cookieName() takes the name of a cookie', () => {
  expect(cookieName('sid')).toBe('sid');
  expect(() => cookieName('a b')).toThrow('"name" got "a b"; it takes a cookie name');
});
