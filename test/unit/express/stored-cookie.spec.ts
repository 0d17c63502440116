import { describe, expect, it } from '@jest/globals';
import { StoredCookie } from '../../../lib/express/stored-cookie.js';
import { TestClock } from '../../support/test-clock.js';

const clock = new TestClock();
const END = clock.time + 60_000;
const cookie = (stored: object): StoredCookie => new StoredCookie(stored, END, clock);

describe('StoredCookie', () => {
  it('ends with the record, so that stores compute the time to live from it', () => {
    const own = cookie({ originalMaxAge: null, expires: null, path: '/' });
    expect([own.expires, own.maxAge, own.originalMaxAge]).toEqual([new Date(END), 60_000, null]);
  });

  it('has the attributes and the lifetime of the record', () => {
    const own = cookie({ originalMaxAge: 5_000, expires: null, path: '/app', secure: true });
    expect(own).toMatchObject({ path: '/app', secure: true, originalMaxAge: 5_000 });
  });

  it('its JSON is that of the record, with its own end', () => {
    const stored = { originalMaxAge: 5_000, expires: new Date(7).toISOString(), path: '/' };
    expect(JSON.parse(JSON.stringify(cookie(stored)))).toEqual(stored);
    expect(cookie(stored).data.expires).toEqual(new Date(7));
    const endless = { originalMaxAge: null, expires: null, path: '/' };
    expect(cookie(endless).data).toEqual(endless);
  });
});
