import { describe, expect, it } from '@jest/globals';
import { SessionCookie } from '../../../../lib/cookie/session-cookie.js';
import type { CookieOptions } from '../../../../lib/options/options.js';
import { resolveOptions } from '../../../../lib/options/resolve-options.js';
import type { SessionMetadata } from '../../../../lib/record/session-metadata.js';
import { CookieText } from '../../../../lib/transports/http/resolved-cookie.js';

const METADATA: SessionMetadata = { createdAt: 0, seenAt: 1_000, expiresAt: 2_000, handle: 'h', nonce: 'n' };
const text = (cookie: CookieOptions = {}): CookieText =>
  new CookieText(resolveOptions({ secret: 'x'.repeat(32), cookie }));
const stored = (cookies: CookieText, own?: SessionCookie): unknown =>
  JSON.parse(cookies.stored(METADATA, true, own)) as unknown;

describe('CookieText', () => {
  it('decide() resolves auto by the request, and leaves other attributes alone', () => {
    const auto = { secure: 'auto', sameSite: 'auto', path: '/' };
    expect(text().decide(auto, true)).toEqual({ secure: true, sameSite: 'none', path: '/' });
    expect(text().decide(auto, false)).toEqual({ secure: false, sameSite: 'lax', path: '/' });
    const fixed = { secure: true, sameSite: 'lax' };
    expect(text().decide(fixed, false)).toBe(fixed);
  });

  it('attributes() are those before and after Expires, for each kind of request', () => {
    const cookies = text({ domain: 'example.com', secure: 'auto', maxAge: '1h' });
    expect(cookies.attributes(true)).toEqual(['; Domain=example.com; Path=/', '; HttpOnly; Secure; SameSite=Lax']);
    expect(cookies.attributes(false)).toEqual(['; Domain=example.com; Path=/', '; HttpOnly; SameSite=Lax']);
  });

  it.each<[string, CookieOptions, object]>([
    ['without a lifetime', {}, { originalMaxAge: null, expires: null }],
    ['with a lifetime', { maxAge: '5s' }, { originalMaxAge: 5_000, expires: new Date(6_000).toISOString() }],
    [
      'with a fixed end',
      { expires: new Date(9_000) },
      { originalMaxAge: 8_000, expires: new Date(9_000).toISOString() },
    ],
  ])('stored() of a cookie %s', (_, cookie, expected) =>
    expect(stored(text(cookie))).toMatchObject({ ...expected, httpOnly: true, path: '/' }),
  );

  it("stored() takes the session's own cookie, with auto resolved", () => {
    const own = new SessionCookie({ secure: 'auto', path: '/own', maxAge: 5_000 }, () => 2_000);
    expect(stored(text(), own)).toEqual({
      originalMaxAge: 5_000,
      expires: new Date(7_000).toISOString(),
      secure: true,
      httpOnly: true,
      path: '/own',
    });
  });
});
