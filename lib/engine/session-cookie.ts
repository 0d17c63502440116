import { SessionOptionsError } from './errors.js';
import { show } from './duration.js';

/** What a cookie may be told. Each is sent as RFC 6265bis names it. */
export interface CookieAttributes {
  /** Host that the cookie is for, its subdomains included. Default: the host that set it, alone. */
  domain?: string | undefined;
  /** Default `/`. */
  path?: string | undefined;
  /** Life in ms; `null`: until the browser closes. */
  maxAge?: number | null | undefined;
  /** A fixed end; `maxAge` is the better choice. */
  expires?: Date | null | undefined;
  /** Default true: out of reach of scripts. */
  httpOnly?: boolean | undefined;
  /** Only over https. `'auto'`: as the request came. */
  secure?: boolean | 'auto' | undefined;
  /** Default `'lax'`. `'auto'`: `none` on https, `lax` else. */
  sameSite?: boolean | 'lax' | 'strict' | 'none' | 'auto' | undefined;
  /** Chrome's eviction order. */
  priority?: 'low' | 'medium' | 'high' | undefined;
  /** CHIPS: a jar of its own for each top-level site. */
  partitioned?: boolean | undefined;
}

/** The `cookie` of a stored session, as express-session's stores hold it. */
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

/** Whether it can be a cookie's name (an RFC 9110 token). */
export const isCookieName = (name: unknown): name is string => typeof name === 'string' && NAME.test(name);

const SAME_SITE: Readonly<Record<string, string>> = { lax: 'Lax', strict: 'Strict', none: 'None' };
const PRIORITY: Readonly<Record<string, string>> = { low: 'Low', medium: 'Medium', high: 'High' };

/**
 * A Set-Cookie value. The order of the attributes is that of express-session: Domain, Path, Expires, HttpOnly, Secure,
 * Partitioned, Priority, SameSite.
 *
 * @throws SessionOptionsError for an attribute that no cookie can carry.
 */
export function serializeCookie(name: string, value: string, attributes: CookieAttributes): string {
  if (!isCookieName(name))
    throw new SessionOptionsError(
      `The cookie name ${show(name)} is not one: it takes letters, digits and !#$%&'*+-.^_\`|~.`,
    );
  return `${name}=${encodeURIComponent(value)}${serializeAttributes(attributes)}`;
}

/** All that follows `name=value`. `secure` and `sameSite` are decided by then. */
export function serializeAttributes(attributes: CookieAttributes): string {
  const { domain, path, expires, httpOnly, secure, partitioned, priority, sameSite } = attributes;
  let text = '';
  if (domain) {
    if (!DOMAIN.test(domain))
      throw new SessionOptionsError(`"cookie.domain" got ${show(domain)}; it takes a host name such as 'example.com'.`);
    text += `; Domain=${domain}`;
  }
  if (path) {
    if (!PATH.test(path))
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

/**
 * A session's own cookie: what the options say, and what the app set on this very session, which stays with it.
 * The surface is express-session's.
 */
export class SessionCookie {
  /** Names that the app set on this session. */
  private readonly own = new Set<keyof CookieAttributes>();
  private values: CookieAttributes;
  private end: Date | null;
  /** The life that the cookie began with, in ms; `null` for a browser-session cookie. */
  originalMaxAge: number | null;

  constructor(
    options: CookieAttributes = {},
    private readonly now: () => number = Date.now,
  ) {
    if (typeof options !== 'object' || options === null) throw new TypeError('The cookie options must be an object.');
    this.values = { path: '/', httpOnly: true, ...options };
    delete this.values.maxAge;
    delete this.values.expires;
    if (options.maxAge !== undefined && options.maxAge !== null) {
      this.originalMaxAge = options.maxAge;
      this.end = new Date(this.now() + options.maxAge);
    } else {
      this.end = options.expires ?? null;
      this.originalMaxAge = this.end === null ? null : this.end.getTime() - this.now();
    }
  }

  /** When the browser drops it; `null`: when it closes. */
  get expires(): Date | null {
    return this.end;
  }
  set expires(date: Date | null | undefined | false) {
    this.end = date || null;
    this.originalMaxAge = this.maxAge;
    this.own.add('maxAge');
  }

  /** What is left of its life, in ms. */
  get maxAge(): number | null {
    return this.end instanceof Date ? this.end.getTime() - this.now() : null;
  }
  set maxAge(ms: number | null | undefined) {
    if (ms !== null && ms !== undefined && (typeof ms !== 'number' || Number.isNaN(ms))) {
      throw new TypeError(`session.cookie.maxAge got ${show(ms)}; it takes a number of ms, or null.`);
    }
    this.end = ms === null || ms === undefined ? null : new Date(this.now() + ms);
    this.originalMaxAge = ms ?? null;
    this.own.add('maxAge');
  }

  get domain(): string | undefined {
    return this.values.domain;
  }
  set domain(value: string | undefined) {
    this.set('domain', value);
  }
  get path(): string | undefined {
    return this.values.path;
  }
  set path(value: string | undefined) {
    this.set('path', value);
  }
  get httpOnly(): boolean | undefined {
    return this.values.httpOnly;
  }
  set httpOnly(value: boolean | undefined) {
    this.set('httpOnly', value);
  }
  get secure(): boolean | 'auto' | undefined {
    return this.values.secure;
  }
  set secure(value: boolean | 'auto' | undefined) {
    this.set('secure', value);
  }
  get sameSite(): CookieAttributes['sameSite'] {
    return this.values.sameSite;
  }
  set sameSite(value: CookieAttributes['sameSite']) {
    this.set('sameSite', value);
  }
  get priority(): CookieAttributes['priority'] {
    return this.values.priority;
  }
  set priority(value: CookieAttributes['priority']) {
    this.set('priority', value);
  }
  get partitioned(): boolean | undefined {
    return this.values.partitioned;
  }
  set partitioned(value: boolean | undefined) {
    this.set('partitioned', value);
  }

  private set<K extends keyof CookieAttributes>(name: K, value: CookieAttributes[K]): void {
    this.values[name] = value;
    this.own.add(name);
  }

  /** The life starts anew. */
  touch(): void {
    if (this.originalMaxAge !== null) this.end = new Date(this.now() + this.originalMaxAge);
  }

  /** What express-session's stores read. */
  get data(): CookieAttributes & { originalMaxAge: number | null } {
    return { originalMaxAge: this.originalMaxAge, ...this.attributes() };
  }

  /** A Set-Cookie value. */
  serialize(name: string, value: string): string {
    return serializeCookie(name, value, this.attributes());
  }

  /** The attributes as they stand. */
  attributes(): CookieAttributes {
    return { ...this.values, expires: this.end };
  }

  /** Only what the app set on this session; `undefined` where it set nothing. */
  overrides(): Record<string, unknown> | undefined {
    if (this.own.size === 0) return undefined;
    const set: Record<string, unknown> = {};
    for (const name of this.own) set[name] = name === 'maxAge' ? this.originalMaxAge : (this.values[name] ?? null);
    return set;
  }

  /** Takes up what the app had set on this session before; what no cookie can carry is no reason to fail its requests. */
  restore(overrides: Readonly<Record<string, unknown>>): void {
    for (const [name, value] of Object.entries(overrides)) {
      if (name === 'maxAge') this.maxAge = typeof value === 'number' ? value : null;
      else if (SETTABLE[name]?.(value ?? undefined) === true)
        this.set(name as keyof CookieAttributes, (value ?? undefined) as never);
    }
  }

  /** Somebody else's version was found: what isn't among `mine` is as it says. */
  rebase(theirs: SessionCookie, mine: ReadonlySet<string>): void {
    const values = { ...theirs.values };
    for (const name of this.own) {
      if (!mine.has(name)) this.own.delete(name);
      else if (name !== 'maxAge') Object.assign(values, { [name]: this.values[name] });
    }
    for (const name of theirs.own) this.own.add(name);
    this.values = values;
    if (mine.has('maxAge')) return;
    this.end = theirs.end;
    this.originalMaxAge = theirs.originalMaxAge;
  }

  toJSON(): StoredCookie {
    return storedCookie(this.attributes(), this.originalMaxAge, this.end);
  }
}

const isFlag = (value: unknown): boolean => value === undefined || typeof value === 'boolean';
const isNamed = (names: Readonly<Record<string, string>>, value: unknown): boolean =>
  typeof value === 'string' && Object.hasOwn(names, value.toLowerCase());

/** What a session can have of its own, beside a life, and whether a value will do. */
const SETTABLE: Readonly<Partial<Record<string, (value: unknown) => boolean>>> = Object.assign(
  Object.create(null) as object,
  {
    domain: (value: unknown) =>
      value === undefined || (typeof value === 'string' && (value === '' || DOMAIN.test(value))),
    path: (value: unknown) => value === undefined || (typeof value === 'string' && PATH.test(value)),
    httpOnly: isFlag,
    secure: (value: unknown) => isFlag(value) || value === 'auto',
    sameSite: (value: unknown) => isFlag(value) || value === 'auto' || isNamed(SAME_SITE, value),
    priority: (value: unknown) => value === undefined || isNamed(PRIORITY, value),
    partitioned: isFlag,
  },
);

/** The `cookie` of a record, keys in the peers' order, absent ones left out. */
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
