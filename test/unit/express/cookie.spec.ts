import { describe, expect, it } from '@jest/globals';
import { Cookie as OursOnly } from '../../../lib/express/cookie.js';
import { both } from '../../support/express-app.js';

describe.each(both)('Cookie of %s', (_name, { Cookie }) => {
  it('begins as Path=/ and HttpOnly, without an end', () => {
    const cookie = new Cookie();
    expect([cookie.path, cookie.httpOnly, cookie.expires, cookie.maxAge, cookie.originalMaxAge]).toEqual([
      '/',
      true,
      null,
      null,
      null,
    ]);
  });

  it('takes an object of options, and nothing else', () => {
    expect(new Cookie(null).path).toBe('/');
    expect(new Cookie({ path: '/a', domain: 'b.c', secure: true }).data).toMatchObject({
      path: '/a',
      domain: 'b.c',
      secure: true,
    });
    expect(() => new Cookie(42 as never)).toThrow('argument options must be a object');
    expect(() => new Cookie('a' as never)).toThrow(TypeError);
  });

  it('passes over an option named data', () => {
    expect(new Cookie({ data: { path: '/b' }, path: '/a' } as never).data).toMatchObject({ path: '/a' });
  });

  it('takes maxAge as ms or as a Date, and refuses text', () => {
    expect(new Cookie({ maxAge: 60_000 }).originalMaxAge).toBe(60_000);
    expect(Math.abs(new Cookie({ maxAge: 60_000 }).expires!.getTime() - Date.now() - 60_000)).toBeLessThan(1_000);
    const date = new Date(Date.now() + 60_000);
    expect(new Cookie({ maxAge: date }).expires).toEqual(date);
    expect(() => new Cookie({ maxAge: '60' as never })).toThrow('maxAge must be a number or Date');
    const cookie = new Cookie();
    expect(() => void (cookie.maxAge = '60' as never)).toThrow('maxAge must be a number or Date');
  });

  it('counts what is left from the end that is set', () => {
    const cookie = new Cookie();
    cookie.expires = new Date(Date.now() + 30_000);
    expect(cookie.maxAge).toBeGreaterThan(29_000);
    expect(cookie.originalMaxAge).toBeGreaterThan(29_000);
    cookie.maxAge = null;
    expect(cookie.expires).toBeNull();
  });

  it('serialises to a header, and to JSON with an end as text', () => {
    const cookie = new Cookie({ path: '/a', sameSite: 'strict', priority: 'low' });
    expect(cookie.serialize('n', 'v w')).toBe('n=v%20w; Path=/a; HttpOnly; Priority=Low; SameSite=Strict');
    expect(JSON.parse(JSON.stringify(new Cookie({ maxAge: 1_000 })))).toEqual({
      originalMaxAge: 1_000,
      expires: expect.stringMatching(/^\d{4}-.*Z$/),
      httpOnly: true,
      path: '/',
    });
  });
});

it('shows its end where old stores look for it', () => {
  const cookie = new OursOnly({ maxAge: 1_000 });
  expect(cookie._expires).toBe(cookie.expires);
});
