/**
 * `expire` is a `timestamp` without a time zone. As connect-pg-simple writes it, its digits follow the TimeZone of the
 * connection that wrote: read through a connection with another zone, or after the clocks changed, they mean another
 * time. So that the peer reads our rows right, we write the same digits; and so that we read them right whatever the
 * zone, the microseconds below the millisecond, which the peer leaves at zero, name the writer's offset from UTC:
 * 500 plus so many quarters of an hour. `.123500` was written in UTC, `.123480` in New York's winter.
 */
const UTC_MARK = 500;
const QUARTER_HOUR_MS = 900_000;
/** From UTC-12 to UTC+14, the zones that are in use. */
const FIRST_MARK = UTC_MARK - 12 * 4;
const LAST_MARK = UTC_MARK + 14 * 4;
/** Between the outermost zones. */
const WIDEST_GAP_MS = 26 * 3_600_000;
/** What `Date`, the type `timestamp` and our own text format all hold: the end of the year 9999. */
const LATEST_MS = 253_402_300_799_999;

/** SQL for the value of `expire` that stands for the instant that `at`, a `timestamptz`, names. */
export function expireOf(at: string): string {
  const offset = `date_part('timezone', ${at})::int`;
  return (
    `(${at} + CASE WHEN ${offset} % 900 = 0 AND ${offset} BETWEEN -43200 AND 50400 ` +
    `THEN ${UTC_MARK} + ${offset} / 900 ELSE 0 END * interval '1 microsecond')::timestamp`
  );
}

/** A time in ms as text for a parameter of type `timestamptz`. */
export function instant(ms: number): string {
  return new Date(Math.floor(Math.min(ms, LATEST_MS))).toISOString();
}

/**
 * SQL for the two columns that `decodeExpiry` reads: the digits, and what they mean to this connection. At its very
 * ends a `timestamp` has no `timestamptz`, and one such row would fail the query of many.
 */
export const EXPIRY_COLUMNS =
  `extract(epoch from expire)::text, CASE WHEN expire BETWEEN '1970-01-01' AND '9999-12-31' ` +
  `THEN extract(epoch from expire::timestamptz)::text ELSE 'Infinity' END`;

/** SQL for the digits as they are compared with those that were read. */
export const EXPIRY_DIGITS = 'extract(epoch from expire)::text';

const mark = `(date_part('microseconds', expire)::bigint % 1000)`;
const markedUtc = `(date_trunc('milliseconds', expire) - (${mark} - ${UTC_MARK}) * interval '15 minutes')`;

/** SQL that is true for a row that is alive at `now`, a `timestamptz`. */
export function liveAt(now: string): string {
  return (
    `CASE WHEN ${mark} BETWEEN ${FIRST_MARK} AND ${LAST_MARK} ` +
    `THEN ${markedUtc} > ${now} AT TIME ZONE 'UTC' ELSE expire > ${now} END`
  );
}

/**
 * SQL that is true for a row that is certainly dead at `now`, in whatever zone it was written. A row of a peer's waits
 * for as long as two zones can be apart. The first term lets the index on `expire` find the rows.
 */
export function deadAt(now: string): string {
  return (
    `expire <= ${now}::timestamp AND CASE WHEN ${mark} BETWEEN ${FIRST_MARK} AND ${LAST_MARK} ` +
    `THEN ${markedUtc} <= ${now} AT TIME ZONE 'UTC' ELSE expire <= ${now}::timestamp - interval '26 hours' END`
  );
}

/**
 * When a row ends, in ms since the epoch.
 *
 * A row that a peer wrote last has whole seconds. If they are those of the `cookie.expires` in its record, shifted by
 * a possible offset, they say in which zone the peer wrote. Else (a touch, or a cookie without an end) the zone of the
 * connection that read it counts, as it does for the peer.
 */
export function decodeExpiry(digits: string, inConnectionZone: string, text: string): number {
  const point = digits.indexOf('.');
  const micros = point === -1 ? '' : digits.slice(point + 1).padEnd(6, '0');
  const seconds = Number(point === -1 ? digits : digits.slice(0, point));
  // Before 1970 there is nothing alive, and 'infinity' has no digits.
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

/** `cookie.expires` of a record that begins with its cookie, as peers write it; else `NaN`. */
function cookieExpires(text: string): number {
  const match = /^\{"cookie":\{[^{}]*?"expires":"([^"\\{}]{10,40})"/.exec(text);
  return match ? Date.parse(match[1]!) : Number.NaN;
}
