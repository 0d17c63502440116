import { describe, expect, it } from '@jest/globals';
import { decodeExpiry, instant } from '../../../../lib/stores/postgres/expire-column.js';

const END = Date.UTC(2026, 0, 2);
const HOUR = 3_600_000;
const seconds = (ms: number) => (ms / 1_000).toFixed(6);
/** The text of a row whose connection's zone is UTC. */
const read = (digits: string, text = '{}') => decodeExpiry(digits, digits, text);
const withCookie = (expires: unknown) =>
  JSON.stringify({ cookie: { originalMaxAge: HOUR, expires, path: '/' }, views: 1 });

describe('expire, as it is read', () => {
  it('takes the offset of the writer of the row from its microseconds', () => {
    for (const quarters of [-48, -20, 0, 22, 23, 56]) {
      const digits = `${(END + 123 + quarters * 900_000) / 1_000}${500 + quarters}`;
      expect(read(digits)).toBe(END + 123);
    }
  });

  it('reads the digits in the time zone of the connection if there is no mark', () => {
    expect(decodeExpiry(seconds(END - 5 * HOUR), seconds(END), '{}')).toBe(END);
    expect(decodeExpiry(`${END / 1_000 + 1}.123999`, `${END / 1_000}.123999`, '{}')).toBe(END + 123);
  });

  it('reads digits without trailing zeros, as servers before 14 send them', () => {
    expect(read(String(END / 1_000))).toBe(END);
    expect(read(`${END / 1_000}.5`)).toBe(END + 500);
    expect(read(`${END / 1_000}.0005`)).toBe(END);
  });

  it('finds the zone of a peer that has set the row by the cookie in the record', () => {
    const text = withCookie(new Date(END - 300).toISOString());
    for (const hours of [-12, -5, 0, 5.75, 14]) expect(read(seconds(END + hours * HOUR), text)).toBe(END);
  });

  it('uses the time zone of the connection if another library has touched the row since', () => {
    const text = withCookie(new Date(END).toISOString());
    expect(read(seconds(END + 10_000), text)).toBe(END + 10_000);
    expect(read(seconds(END + 27 * HOUR), text)).toBe(END + 27 * HOUR);
  });

  it('uses the time zone of the connection if the cookie has no valid date', () => {
    for (const expires of [null, 7, 'garbage, and more of it', { a: 1 }]) {
      expect(read(seconds(END), withCookie(expires))).toBe(END);
    }
  });

  it('takes what is before 1970 for dead, and infinity for as long as can be', () => {
    for (const digits of ['-Infinity', '-1.000000', '0.000000', 'NaN']) expect(read(digits)).toBe(0);
    expect(new Date(read('Infinity')).getUTCFullYear()).toBe(9999);
  });
});

describe('expire, as it is written', () => {
  it('cuts off fractions of a ms, and what the format can not hold', () => {
    expect(instant(END + 0.7)).toBe('2026-01-02T00:00:00.000Z');
    expect(instant(Infinity)).toBe('9999-12-31T23:59:59.999Z');
  });
});
