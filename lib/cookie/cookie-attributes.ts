import { SessionOptionsError } from '../common/errors.js';
import { show } from '../common/duration.js';

/** The attributes of a cookie, named as in RFC 6265bis. */
export interface CookieAttributes {
  /**
   * The host that gets the cookie, with its subdomains.
   *
   * @defaultValue only the host that set it
   */
  domain?: string | undefined;
  /**
   * The path that the cookie is for, with the paths below it.
   *
   * @defaultValue `/`
   */
  path?: string | undefined;
  /** How long the browser keeps the cookie, in ms. `null`: until the browser closes. */
  maxAge?: number | null | undefined;
  /** When the browser deletes the cookie. Prefer `maxAge`. */
  expires?: Date | null | undefined;
  /**
   * Whether scripts can't read the cookie.
   *
   * @defaultValue true
   */
  httpOnly?: boolean | undefined;
  /** Whether the cookie is only sent over https. `'auto'`: if the request came over https. */
  secure?: boolean | 'auto' | undefined;
  /**
   * `'auto'`: `none` over https, otherwise `lax`. `true`: `strict`. `false`: the attribute is left out.
   *
   * @defaultValue `'lax'`
   */
  sameSite?: boolean | 'lax' | 'strict' | 'none' | 'auto' | undefined;
  /** Which cookies Chrome deletes first. */
  priority?: 'low' | 'medium' | 'high' | undefined;
  /** CHIPS: the browser keeps a separate cookie for each top-level site. */
  partitioned?: boolean | undefined;
}

/** The names of all attributes. */
export const ATTRIBUTE_NAMES = [
  'domain',
  'path',
  'maxAge',
  'expires',
  'httpOnly',
  'secure',
  'sameSite',
  'priority',
  'partitioned',
] as const satisfies readonly (keyof CookieAttributes)[];

/** The `cookie` of a stored session, as in the stores of express-session. */
export interface StoredCookie {
  originalMaxAge: number | null;
  partitioned?: boolean;
  priority?: string;
  expires?: string | null;
  secure?: boolean | 'auto';
  httpOnly?: boolean;
  domain?: string;
  path?: string;
  sameSite?: boolean | string;
}

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const DOMAIN = /^\.?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i;
// eslint-disable-next-line no-control-regex
const PATH = /^[\x20-\x3a\x3c-\x7e]*$/;

/** Whether it is a valid cookie name (an RFC 9110 token). */
export const isCookieName = (name: unknown): name is string => typeof name === 'string' && NAME.test(name);

const SAME_SITE: Readonly<Record<string, string>> = { lax: 'Lax', strict: 'Strict', none: 'None' };
const PRIORITY: Readonly<Record<string, string>> = { low: 'Low', medium: 'Medium', high: 'High' };

/**
 * Makes a Set-Cookie value. The attributes are in express-session's order: Domain, Path, Expires, HttpOnly, Secure,
 * Partitioned, Priority, SameSite.
 *
 * @throws SessionOptionsError for an attribute value that no cookie can have.
 */
export function serializeCookie(name: string, value: string, attributes: CookieAttributes): string {
  if (!isCookieName(name))
    throw new SessionOptionsError(
      `The cookie name ${show(name)} is not valid; it takes letters, digits and !#$%&'*+-.^_\`|~.`,
    );
  return `${name}=${encodeURIComponent(value)}${serializeAttributes(attributes)}`;
}

/** Everything after `name=value`. `secure` and `sameSite` must be resolved. */
export function serializeAttributes(attributes: CookieAttributes): string {
  const { domain, path, expires, httpOnly, secure, partitioned, priority, sameSite } = attributes;
  let text = '';
  if (domain) {
    if (!isText(domain, DOMAIN))
      throw new SessionOptionsError(`"cookie.domain" got ${show(domain)}; it takes a host name such as 'example.com'.`);
    text += `; Domain=${domain}`;
  }
  if (path) {
    if (!isText(path, PATH))
      throw new SessionOptionsError(`"cookie.path" got ${show(path)}; it takes a path such as '/'.`);
    text += `; Path=${path}`;
  }
  if (expires) {
    if (Number.isNaN(expires.getTime()))
      throw new SessionOptionsError('"cookie.expires" got an invalid Date; it takes a Date.');
    text += `; Expires=${expires.toUTCString()}`;
  }
  if (httpOnly) text += '; HttpOnly';
  if (secure) text += '; Secure';
  if (partitioned) text += '; Partitioned';
  if (priority) text += `; Priority=${named(PRIORITY, priority, 'priority')}`;
  if (sameSite) text += `; SameSite=${sameSite === true ? 'Strict' : named(SAME_SITE, sameSite, 'sameSite')}`;
  return text;
}

/** Attributes may come from plain JavaScript. */
const isText = (value: unknown, pattern: RegExp): boolean => typeof value === 'string' && pattern.test(value);

function named(names: Readonly<Record<string, string>>, value: unknown, option: string): string {
  const text = typeof value === 'string' ? names[value.toLowerCase()] : undefined;
  if (text === undefined) {
    throw new SessionOptionsError(
      `"cookie.${option}" got ${show(value)}; it takes ${Object.keys(names)
        .map((key) => `'${key}'`)
        .join(', ')}.`,
    );
  }
  return text;
}

const isFlag = (value: unknown): boolean => value === undefined || typeof value === 'boolean';
const isNamed = (names: Readonly<Record<string, string>>, value: unknown): boolean =>
  typeof value === 'string' && Object.hasOwn(names, value.toLowerCase());

const SETTABLE: Readonly<Partial<Record<string, (value: unknown) => boolean>>> = Object.assign(
  Object.create(null) as object,
  {
    domain: (value: unknown) => value === undefined || value === '' || isText(value, DOMAIN),
    path: (value: unknown) => value === undefined || isText(value, PATH),
    httpOnly: isFlag,
    secure: (value: unknown) => isFlag(value) || value === 'auto',
    sameSite: (value: unknown) => isFlag(value) || value === 'auto' || isNamed(SAME_SITE, value),
    priority: (value: unknown) => value === undefined || isNamed(PRIORITY, value),
    partitioned: isFlag,
  },
);

/** Whether a session's own cookie can have this value for an attribute other than its lifetime. */
export const isSettable = (name: string, value: unknown): boolean => SETTABLE[name]?.(value) === true;

/** The `cookie` of a record, with its keys in express-session's order. Missing attributes are left out. */
export function storedCookie(
  attributes: CookieAttributes,
  originalMaxAge: number | null,
  expires: Date | null,
): StoredCookie {
  const { partitioned, priority, secure, httpOnly, domain, path, sameSite } = attributes;
  const stored: StoredCookie = { originalMaxAge };
  if (partitioned !== undefined) stored.partitioned = partitioned;
  if (priority !== undefined) stored.priority = priority;
  stored.expires = expires === null || Number.isNaN(expires.getTime()) ? null : expires.toISOString();
  if (secure !== undefined) stored.secure = secure;
  if (httpOnly !== undefined) stored.httpOnly = httpOnly;
  if (domain !== undefined) stored.domain = domain;
  if (path !== undefined) stored.path = path;
  if (sameSite !== undefined) stored.sameSite = sameSite;
  return stored;
}
