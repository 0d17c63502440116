import { describe, expect, it } from '@jest/globals';
import type { CookieAttributes } from '../../../lib/cookie/cookie-attributes.js';
import { SessionCookie } from '../../../lib/cookie/session-cookie.js';

const MINUTE = 60_000;
let time = 1_000_000;
const cookie = (options: CookieAttributes = {}): SessionCookie => new SessionCookie(options, () => time);

describe('SessionCookie', () => {
  it('has path and httpOnly by default, and ends with the browser', () => {
    expect({ ...cookie() }).toEqual({ path: '/', httpOnly: true, _expires: null, originalMaxAge: null });
    expect(cookie().maxAge).toBeNull();
  });

  it('counts maxAge down, and touch() begins the lifetime again', () => {
    const own = cookie({ maxAge: MINUTE });
    time += 1_000;
    expect([own.maxAge, own.originalMaxAge]).toEqual([MINUTE - 1_000, MINUTE]);
    own.touch();
    expect(own.maxAge).toBe(MINUTE);
  });

  it.each<[string, (own: SessionCookie) => unknown, Record<string, unknown> | undefined]>([
    ['nothing', () => undefined, undefined],
    ['a path', (own) => (own.path = '/app'), { path: '/app' }],
    ['an attribute that is taken away', (own) => (own.domain = undefined), { domain: null }],
    ['maxAge', (own) => (own.maxAge = MINUTE), { maxAge: MINUTE }],
    ['no maxAge', (own) => (own.maxAge = null), { maxAge: null }],
    ['expires', (own) => (own.expires = new Date(time + MINUTE)), { maxAge: MINUTE }],
    ['expires as a lifetime', (own) => (own.expires = MINUTE), { maxAge: MINUTE }],
  ])('overrides() of a cookie on which the app set %s', (_, set, overrides) => {
    const own = cookie({ domain: 'example.com' });
    set(own);
    expect(own.overrides()).toEqual(overrides);
  });

  it('restore() takes what overrides() gave, and ignores what is invalid', () => {
    const own = cookie();
    own.restore({ path: '/app', secure: 'yes', maxAge: MINUTE, unknown: 1 });
    expect(own.overrides()).toEqual({ path: '/app', maxAge: MINUTE });
  });

  it.each([
    ['maxAge', '1m', 'session.cookie.maxAge got "1m"; it takes a number of ms'],
    ['maxAge', Number.POSITIVE_INFINITY, 'session.cookie.maxAge got Infinity'],
    ['expires', 'tomorrow', 'session.cookie.expires got "tomorrow"; it takes a Date'],
    ['expires', new Date(Number.NaN), 'session.cookie.expires got an invalid Date'],
  ])('refuses %s = %p', (name, value, says) => {
    expect(() => Object.assign(cookie(), { [name]: value })).toThrow(says);
  });

  it('rebase() takes the attributes of a newer version, except those in mine', () => {
    const [own, theirs] = [cookie(), cookie()];
    Object.assign(own, { path: '/mine', sameSite: 'lax' });
    Object.assign(theirs, { path: '/theirs', sameSite: 'strict', maxAge: MINUTE });
    own.rebase(theirs, new Set(['path']));
    expect(own.overrides()).toEqual({ path: '/mine', sameSite: 'strict', maxAge: MINUTE });
  });

  it('a spread, structuredClone() and JSON copy the attributes', () => {
    const own = cookie({ maxAge: MINUTE, sameSite: 'lax' });
    expect(structuredClone({ ...own })).toEqual({ ...own });
    expect(Object.keys({ ...own })).toEqual(expect.arrayContaining(['path', 'httpOnly', 'sameSite', '_expires']));
    expect(JSON.parse(JSON.stringify(own))).toMatchObject({ sameSite: 'lax', expires: own.expires!.toISOString() });
  });

  it('a copy with the same prototype has plain values', () => {
    const copy = Object.assign(Object.create(SessionCookie.prototype) as SessionCookie, { path: '/copy' });
    expect([copy.path, copy.domain, copy.maxAge]).toEqual(['/copy', undefined, null]);
  });

  it('serialize() makes a Set-Cookie value of all attributes', () => {
    const end = new Date(time + MINUTE).toUTCString();
    expect(cookie({ maxAge: MINUTE }).serialize('sid', 'v')).toBe(`sid=v; Path=/; Expires=${end}; HttpOnly`);
  });

  it.each([null, 'secure'])('refuses options that are %p', (options) => {
    expect(() => new SessionCookie(options as never)).toThrow('The cookie options must be an object.');
  });
});
