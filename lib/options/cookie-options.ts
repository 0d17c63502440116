import { show, toMs } from '../common/duration.js';
import { SessionOptionsError } from '../common/errors.js';
import { unknownName } from '../common/option-rules.js';
import {
  ATTRIBUTE_NAMES,
  type CookieAttributes,
  isCookieName,
  serializeAttributes,
} from '../cookie/cookie-attributes.js';
import type { CookieOptions } from './options.js';

/** How the cookie option of an API differs. */
export interface CookieContext {
  /**
   * Receives a warning about a cookie that browsers refuse, instead of an error. For express-session's API, which
   * accepts such a cookie.
   */
  readonly unusableCookie?: (message: string) => void;
  /** The longest lifetime of a cookie, in ms; default: ten years. */
  readonly longestCookie?: number;
}

/** @throws SessionOptionsError if it is no cookie name. */
export function cookieName(name: unknown): string {
  if (!isCookieName(name))
    throw new SessionOptionsError(
      `"name" got ${show(name)}; it takes a cookie name: letters, digits and !#$%&'*+-.^_\`|~.`,
    );
  return name;
}

/** Checks the attributes together, and against the name's prefix (RFC 6265bis 4.1.3). */
export function cookieAttributes(
  given: unknown,
  defaults: CookieAttributes,
  name: string,
  { unusableCookie: unusable = refuse, longestCookie }: CookieContext,
): CookieAttributes {
  if (typeof given !== 'object' || given === null) {
    throw new SessionOptionsError(
      `"cookie" got ${show(given)}; it takes an object such as { maxAge: '1d' }, or a function that returns one.`,
    );
  }
  const unknown = unknownName(given, [...ATTRIBUTE_NAMES, 'originalMaxAge']);
  if (unknown !== undefined) {
    throw new SessionOptionsError(
      `"cookie.${unknown.name}" is no cookie attribute; they are ${ATTRIBUTE_NAMES.join(', ')}.${unknown.question}`,
    );
  }
  const { maxAge, ...rest } = given as CookieOptions;
  const cookie: CookieAttributes = { ...defaults, ...dropUndefined(rest) };
  if (maxAge !== undefined && maxAge !== null) cookie.maxAge = toMs(maxAge, 'cookie.maxAge', longestCookie);
  if (cookie.secure !== undefined && typeof cookie.secure !== 'boolean' && cookie.secure !== 'auto') {
    throw new SessionOptionsError(`"cookie.secure" got ${show(cookie.secure)}; it takes true, false or 'auto'.`);
  }
  for (const flag of ['httpOnly', 'partitioned'] as const)
    if (typeof (cookie[flag] ?? false) !== 'boolean')
      unusable(`"cookie.${flag}" got ${show(cookie[flag])}; it takes true or false.`);
  if (cookie.expires && !(cookie.expires instanceof Date))
    throw new SessionOptionsError(`"cookie.expires" got ${show(cookie.expires)}; it takes a Date.`);
  serializeAttributes({ ...cookie, sameSite: cookie.sameSite === 'auto' ? 'lax' : cookie.sameSite });
  // Browsers would use another path, and no request would match this one.
  if (cookie.path && !cookie.path.startsWith('/'))
    unusable(`"cookie.path" got ${show(cookie.path)}; it takes a path that begins with a slash, such as '/'.`);
  const none = typeof cookie.sameSite === 'string' && cookie.sameSite.toLowerCase() === 'none';
  if (none && !cookie.secure)
    unusable(
      `"cookie.sameSite" got 'none' without "cookie.secure", which browsers refuse; set "cookie.secure" to true.`,
    );
  if (cookie.partitioned && !cookie.secure)
    unusable(
      '"cookie.partitioned" got true without "cookie.secure", which browsers refuse; set "cookie.secure" to true.',
    );
  if (/^__(?:host|secure)-/i.test(name)) {
    if (cookie.secure !== true) unusable(`"name" got ${show(name)}, whose prefix requires "cookie.secure": true.`);
    if (/^__host-/i.test(name)) {
      if (cookie.domain)
        unusable(`"name" got ${show(name)}, whose prefix forbids "cookie.domain" (it is ${show(cookie.domain)}).`);
      if (cookie.path !== '/')
        unusable(`"name" got ${show(name)}, whose prefix requires "cookie.path": '/' (it is ${show(cookie.path)}).`);
    }
  }
  return cookie;
}

function refuse(message: string): never {
  throw new SessionOptionsError(message);
}

function dropUndefined<T extends object>(object: T): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}
