/**
 * `expire` is a `timestamp` without a time zone. connect-pg-simple writes it in the time zone of its connection. Read
 * by a connection with another zone, or after a change to summer time, it means another time. We write the same digits,
 * so that connect-pg-simple reads our rows correctly. So that we can read them in any zone, the microseconds below the
 * millisecond, which connect-pg-simple leaves at zero, hold the writer's offset from UTC: 500 plus the number of
 * quarters of an hour. `.123500` was written in UTC, `.123480` in New York's winter.
 */
const UTC_MARK = 500;
const QUARTER_HOUR_MS = 900_000;
/** UTC-12 to UTC+14, the zones in use. */
const FIRST_MARK = UTC_MARK - 12 * 4;
const LAST_MARK = UTC_MARK + 14 * 4;
/** The difference between the outermost zones. */
const WIDEST_GAP_MS = 26 * 3_600_000;
/** The latest time that `Date`, the type `timestamp` and our text format can hold: the end of the year 9999. */
const LATEST_MS = 253_402_300_799_999;

/** SQL for the value of `expire` at the time `at`, a `timestamptz`. */
export function expireOf(at: string): string {
  const offset = `date_part('timezone', ${at})::int`;
  return (
    `(${at} + CASE WHEN ${offset} % 900 = 0 AND ${offset} BETWEEN -43200 AND 50400 ` +
    `THEN ${UTC_MARK} + ${offset} / 900 ELSE 0 END * interval '1 microsecond')::timestamp`
  );
}

/** A time in ms as a parameter of type `timestamptz`. */
export function instant(ms: number): string {
  return new Date(Math.floor(Math.min(ms, LATEST_MS))).toISOString();
}

/**
 * SQL for the two columns that `decodeExpiry` reads: the digits, and the time that they mean for this connection. A
 * `timestamp` at its limits has no `timestamptz`, and one such row would make a query for many fail.
 */
export const EXPIRY_COLUMNS =
  `extract(epoch from expire)::text, CASE WHEN expire BETWEEN '1970-01-01' AND '9999-12-31' ` +
  `THEN extract(epoch from expire::timestamptz)::text ELSE 'Infinity' END`;

/** SQL for the digits of `expire`, to compare them with those that were read. */
export const EXPIRY_DIGITS = 'extract(epoch from expire)::text';

const mark = `(date_part('microseconds', expire)::bigint % 1000)`;
const markedUtc = `(date_trunc('milliseconds', expire) - (${mark} - ${UTC_MARK}) * interval '15 minutes')`;

/** SQL that is true for a row that is live at `now`, a `timestamptz`. */
export function liveAt(now: string): string {
  return (
    `CASE WHEN ${mark} BETWEEN ${FIRST_MARK} AND ${LAST_MARK} ` +
    `THEN ${markedUtc} > ${now} AT TIME ZONE 'UTC' ELSE expire > ${now} END`
  );
}

/**
 * SQL that is true for a row that has expired at `now`, in whatever zone it was written. A row of connect-pg-simple
 * counts as expired 26 hours later, the difference between the outermost zones. The first term lets the index on
 * `expire` find the rows.
 */
export function deadAt(now: string): string {
  return (
    `expire <= ${now}::timestamp AND CASE WHEN ${mark} BETWEEN ${FIRST_MARK} AND ${LAST_MARK} ` +
    `THEN ${markedUtc} <= ${now} AT TIME ZONE 'UTC' ELSE expire <= ${now}::timestamp - interval '26 hours' END`
  );
}

/**
 * When a row expires, in ms since the epoch.
 *
 * A row that connect-pg-simple wrote last has whole seconds. If they equal the `cookie.expires` in its record, shifted
 * by a possible offset, that is the zone it was written in. Otherwise (a touch, or a cookie without an expiry) the zone
 * of this connection counts, as for connect-pg-simple.
 */
export function decodeExpiry(digits: string, inConnectionZone: string, text: string): number {
  const point = digits.indexOf('.');
  const micros = point === -1 ? '' : digits.slice(point + 1).padEnd(6, '0');
  const seconds = Number(point === -1 ? digits : digits.slice(0, point));
  // No row is live before 1970, and 'infinity' has no digits.
  if (!(seconds > 0 && seconds < Infinity)) return seconds > 0 ? LATEST_MS : 0;

  const digitsMs = seconds * 1_000 + Number(micros.slice(0, 3));
  const found = Number(micros.slice(3, 6));
  if (found >= FIRST_MARK && found <= LAST_MARK) return digitsMs - (found - UTC_MARK) * QUARTER_HOUR_MS;

  if (Number(micros) === 0) {
    const cookieMs = cookieExpires(text);
    const shift = digitsMs - Math.ceil(cookieMs / 1_000) * 1_000;
    if (Math.abs(shift) <= WIDEST_GAP_MS && shift % QUARTER_HOUR_MS === 0) return digitsMs - shift;
  }
  return Math.min(Math.floor(Number(inConnectionZone) * 1_000), LATEST_MS);
}

/** `cookie.expires` of a record that begins with its cookie, as connect-pg-simple writes it; otherwise `NaN`. */
function cookieExpires(text: string): number {
  const match = /^\{"cookie":\{[^{}]*?"expires":"([^"\\{}]{10,40})"/.exec(text);
  return match ? Date.parse(match[1]!) : Number.NaN;
}
