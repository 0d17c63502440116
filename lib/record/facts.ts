/** The reserved key of a record that holds what the engine knows. Last in the text, so that it is found without parsing the rest. */
export const FACTS_KEY = '__keycard';

/** Where a session is in use: for "your devices". */
export interface Device {
  /** The User-Agent header, at most 256 characters. */
  readonly userAgent?: string | undefined;
  /** The client's address as the framework sees it behind its trust-proxy setting. */
  readonly ip?: string | undefined;
}

/**
 * What the engine knows of a session, apart from the app's data. Keys are short, as every record carries them. Times are
 * ms since the epoch.
 */
export interface Facts {
  /** Format version. */
  v: 1;
  /** Created. */
  c: number;
  /** Last seen, as exact as `touchInterval`. */
  s: number;
  /** Expires. */
  e: number;
  /** Handle. */
  h: string;
  /** Nonce of the write. */
  n: string;
  /** Nonces of the latest writes before it, by others. */
  q?: string[];
  /** When this id was given out, where that isn't `c`. */
  i?: number;
  /** Principal. */
  p?: string;
  /** Whose session it was until it came to be nobody's, as what the login stood on was changed or deleted. */
  y?: string;
  /** Authenticated at. */
  a?: number;
  /** Since when the session is its principal's, where no login says so and it isn't `c`. */
  g?: number;
  /** Fingerprint of what the principal was logged in with. */
  f?: string;
  /** The keys that `login()` was given, beside `user` and `passport`. */
  k?: string[];
  /** Nonce of the principal's revocation mark as it stood before the login; `''`: there was none. */
  r?: string;
  /** Device. */
  d?: { u?: string; i?: string };
  /** Cookie attributes that the app set on this very session. */
  o?: Record<string, unknown>;
  /** What the session is bound to (`bindTo`). */
  b?: string;
  /** Version of the data's schema. */
  m?: number;
  /** The number that the login took from its principal's record: a later login has a higher one. Of a principal's record: the last number. */
  l?: number;
  /** No session but a principal's record: its sessions up to this time have ended, all but the one whose handle is `h`. `n` stays until the next `revokeAll()`. */
  t?: number;
  /** Of a principal's record: logins that are under way. */
  w?: Place[];
  /** Retired: until when it counts, and the way forward. */
  x?: Retirement;
}

/** The place among a principal's sessions that a login has taken, until its session is written and counts by itself. */
export interface Place {
  /** The login's number. */
  k: number;
  /** The session's handle. */
  h: string;
  /** Until when the login has to be done, in ms since the epoch; 0: it failed, or a newer login has taken its place. */
  u: number;
  /** The session was there before, and stays also if the login is not done in time. */
  i?: 1;
}

/** A session whose id was replaced. */
export interface Retirement {
  /** Until when the old id is known, in ms since the epoch. */
  u: number;
  /** The new id, encrypted under a key derived from the old one; absent: no way forward. */
  w?: string;
  /** The new id for the server: encrypted under a key derived from the secret. Logout and revocation follow it, the holder of the old id can't. */
  s?: string;
  /** Version 0.1, with `hashIds`: the new id's hash. */
  k?: string;
}

/** Whether a session may be ended: since it was found, its record may have become another's. */
export type MayEnd = (facts: Facts | undefined) => boolean;

/** Ends it only if it is still this principal's. */
export const isOf =
  (principal: string | undefined): MayEnd =>
  (facts) =>
    facts?.p === principal;

const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isOptional = (value: unknown, type: string): boolean => value === undefined || typeof value === type;

const isOptionalList = (value: unknown): boolean =>
  value === undefined || (Array.isArray(value) && value.every((one) => typeof one === 'string'));

/** Whether a parsed value has the shape of facts. What doesn't is no session of ours, and is never guessed at. */
export function isFacts(value: unknown): value is Facts {
  if (typeof value !== 'object' || value === null) return false;
  const f = value as Record<string, unknown>;
  return (
    f.v === 1 &&
    isTime(f.c) &&
    isTime(f.s) &&
    isTime(f.e) &&
    typeof f.h === 'string' &&
    typeof f.n === 'string' &&
    isOptional(f.p, 'string') &&
    isOptional(f.y, 'string') &&
    (f.a === undefined || isTime(f.a)) &&
    (f.i === undefined || isTime(f.i)) &&
    (f.g === undefined || isTime(f.g)) &&
    isOptional(f.f, 'string') &&
    isOptional(f.b, 'string') &&
    isOptional(f.m, 'number') &&
    (f.t === undefined || isTime(f.t)) &&
    (f.l === undefined || isTime(f.l)) &&
    (f.w === undefined || (Array.isArray(f.w) && f.w.every(isPlace))) &&
    isOptionalList(f.q) &&
    isOptionalList(f.k) &&
    isOptional(f.r, 'string') &&
    (f.d === undefined || (isPlain(f.d) && isOptional(f.d.u, 'string') && isOptional(f.d.i, 'string'))) &&
    (f.o === undefined || isPlain(f.o)) &&
    (f.x === undefined ||
      (isPlain(f.x) &&
        isTime(f.x.u) &&
        isOptional(f.x.w, 'string') &&
        isOptional(f.x.s, 'string') &&
        isOptional(f.x.k, 'string')))
  );
}

function isPlace(value: unknown): value is Place {
  return isPlain(value) && isTime(value.k) && typeof value.h === 'string' && isTime(value.u);
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
