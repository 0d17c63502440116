import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Cookie as OursOnly } from '../../../lib/express/cookie.js';
import { both } from '../../support/express-app.js';

// With a clock that goes on, express-session's originalMaxAge is a ms short now and then.
const NOON = Date.UTC(2026, 0, 1, 12);
beforeEach(() => {
  jest.spyOn(Date, 'now').mockReturnValue(NOON);
});
afterEach(() => {
  jest.restoreAllMocks();
});

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
    const date = new Date(NOON + 60_000);
    expect(new Cookie({ maxAge: 60_000 }).expires).toEqual(date);
    expect(new Cookie({ maxAge: date }).expires).toEqual(date);
    expect(() => new Cookie({ maxAge: '60' as never })).toThrow('maxAge must be a number or Date');
    const cookie = new Cookie();
    expect(() => void (cookie.maxAge = '60' as never)).toThrow('maxAge must be a number or Date');
  });

  it('counts what is left from the end that is set', () => {
    const cookie = new Cookie();
    cookie.expires = new Date(NOON + 30_000);
    expect(cookie.maxAge).toBe(30_000);
    expect(cookie.originalMaxAge).toBe(30_000);
    cookie.maxAge = null;
    expect(cookie.expires).toBeNull();
  });

  it('serialises to a header, and to JSON with an end as text', () => {
    const cookie = new Cookie({ path: '/a', sameSite: 'strict', priority: 'low' });
    expect(cookie.serialize('n', 'v w')).toBe('n=v%20w; Path=/a; HttpOnly; Priority=Low; SameSite=Strict');
    expect(JSON.parse(JSON.stringify(new Cookie({ maxAge: 1_000 })))).toEqual({
      originalMaxAge: 1_000,
      expires: '2026-01-01T12:00:01.000Z',
      httpOnly: true,
      path: '/',
    });
  });
});

describe.each(both)('Cookie of %s, taken apart (#13.28),', (_name, { Cookie }) => {
  const given = { maxAge: 60_000, sameSite: 'strict' as const, secure: true };

  it('has the attributes as its own keys, in the same order', () => {
    expect(Object.keys(new Cookie())).toEqual(['path', '_expires', 'originalMaxAge', 'httpOnly']);
    expect({ ...new Cookie(given) }).toEqual({
      path: '/',
      _expires: new Date(NOON + 60_000),
      originalMaxAge: 60_000,
      httpOnly: true,
      sameSite: 'strict',
      secure: true,
    });
    const cookie = new Cookie();
    cookie.priority = 'low';
    expect(Object.keys(cookie)).toEqual(['path', '_expires', 'originalMaxAge', 'httpOnly', 'priority']);
  });

  it('can be made anew of what it was spread into, and is another then', () => {
    const cookie = new Cookie(given);
    const copy = new Cookie({ ...cookie } as never);
    expect(copy.data).toEqual(cookie.data);
    copy.httpOnly = false;
    copy.maxAge = 1;
    expect([cookie.httpOnly, cookie.maxAge]).toEqual([true, 60_000]);
  });

  it('has the life of the end that is named last', () => {
    expect(new Cookie({ originalMaxAge: 5, maxAge: 60_000 }).originalMaxAge).toBe(60_000);
    expect(new Cookie({ maxAge: 60_000, originalMaxAge: 5 }).originalMaxAge).toBe(5);
    expect(new Cookie({ originalMaxAge: 5 }).originalMaxAge).toBe(5);
  });

  it('goes through structuredClone', () => {
    expect(structuredClone(new Cookie(given))).toEqual({ ...new Cookie(given) });
  });

  it('gives its end, life, data and methods to `for … in` too', () => {
    const names: string[] = [];
    for (const name in new Cookie(given)) names.push(name);
    const own = ['path', '_expires', 'originalMaxAge', 'httpOnly', 'sameSite', 'secure'];
    expect(names.sort()).toEqual([...own, 'data', 'expires', 'maxAge', 'serialize', 'toJSON'].sort());
  });

  it('works as a copy that keeps its prototype, such as that of cloneDeep, apart from the one that it was', () => {
    const cookie = new Cookie(given);
    const copy = Object.assign(Object.create(Cookie.prototype) as InstanceType<typeof Cookie>, cookie);
    expect(copy).not.toBe(cookie);
    expect([copy.expires, copy.maxAge, copy.data]).toEqual([cookie.expires, 60_000, cookie.data]);
    expect([copy.serialize('n', 'v'), JSON.stringify(copy)]).toEqual([
      cookie.serialize('n', 'v'),
      JSON.stringify(cookie),
    ]);
    copy.path = '/copy';
    copy.maxAge = 1_000;
    expect([copy.data.path, copy.maxAge, copy.originalMaxAge]).toEqual(['/copy', 1_000, 1_000]);
    expect([cookie.path, cookie.maxAge]).toEqual(['/', 60_000]);
  });

  it('shows its attributes when it is logged', () => {
    const text = "path: '/',\n  _expires: 2026-01-01T12:01:00.000Z,\n  originalMaxAge: 60000,\n  httpOnly: true,";
    expect(inspect(new Cookie(given))).toBe(`{\n  ${text}\n  sameSite: 'strict',\n  secure: true\n}`);
  });

  it('takes a new end as `_expires` too', () => {
    const cookie = new Cookie();
    cookie._expires = new Date(NOON + 5_000);
    expect([cookie.maxAge, cookie.originalMaxAge]).toEqual([5_000, null]);
  });

  it('gives its end as a Date by toJSON() and data, with all attributes, and as text in JSON', () => {
    const cookie = new Cookie({ maxAge: 60_000 });
    for (const data of [cookie.toJSON(), cookie.data]) {
      expect(data.expires).toEqual(new Date(NOON + 60_000));
      expect(Object.keys(data)).toEqual([
        'originalMaxAge',
        'partitioned',
        'priority',
        'expires',
        'secure',
        'httpOnly',
        'domain',
        'path',
        'sameSite',
      ]);
    }
    expect(JSON.stringify(cookie)).toBe(
      '{"originalMaxAge":60000,"expires":"2026-01-01T12:01:00.000Z","httpOnly":true,"path":"/"}',
    );
  });
});

it('refuses at once an end that no cookie can carry', () => {
  const cookie = new OursOnly();
  for (const end of ['soon', new Date(Number.NaN), Number.POSITIVE_INFINITY, {}])
    expect(() => void (cookie.expires = end as never)).toThrow(/^session\.cookie\.(expires|maxAge) got /);
  for (const ms of [Number.NaN, Number.POSITIVE_INFINITY, 1e16])
    expect(() => void (cookie.maxAge = ms)).toThrow(/^session\.cookie\.maxAge got .* it takes a number of ms/);
  cookie.expires = 60_000 as never;
  expect([cookie.maxAge, cookie.originalMaxAge, cookie.expires]).toEqual([60_000, 60_000, new Date(NOON + 60_000)]);
});

it('shows its end where old stores look for it', () => {
  const cookie = new OursOnly({ maxAge: 1_000 });
  expect(cookie._expires).toBe(cookie.expires);
});
