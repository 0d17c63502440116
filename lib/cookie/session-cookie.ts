import { show } from '../common/duration.js';
import { INSPECT } from '../common/inspect-symbol.js';
import { type CookieAttributes, isSettable, serializeCookie } from './cookie-attributes.js';

/** Attributes other than the lifetime. */
const NAMES = ['domain', 'path', 'httpOnly', 'secure', 'sameSite', 'priority', 'partitioned'] as const;
type Name = (typeof NAMES)[number];
type Shown = Name | '_expires' | 'originalMaxAge';

/**
 * A session's own cookie: the options, and what the app set on this session. It works like express-session's, and its
 * attributes are its own keys: `{ ...session.cookie }` and `structuredClone` copy them.
 */
export class SessionCookie {
  /** The names of the attributes that the app set on this session. */
  readonly #own = new Set<keyof CookieAttributes>();
  #values: CookieAttributes;
  #end: Date | null;
  #life: number | null;
  readonly #now: () => number;
  declare domain: string | undefined;
  declare path: string | undefined;
  declare httpOnly: boolean | undefined;
  declare secure: boolean | 'auto' | undefined;
  declare sameSite: CookieAttributes['sameSite'];
  declare priority: CookieAttributes['priority'];
  declare partitioned: boolean | undefined;

  static {
    for (const name of NAMES) {
      Object.defineProperty(this.prototype, name, {
        configurable: true,
        get(this: SessionCookie) {
          return #values in this ? this.#values[name] : undefined;
        },
        set(this: SessionCookie, value: unknown) {
          if (#values in this) this.#set(name, value);
          else ownValue(this, name, value);
        },
      });
    }
  }

  constructor(options: CookieAttributes = {}, now: () => number = Date.now) {
    if (typeof options !== 'object' || options === null) throw new TypeError('The cookie options must be an object.');
    const { maxAge, expires, ...values } = options;
    this.#now = now;
    this.#values = { path: '/', httpOnly: true, ...values };
    this.#end = typeof maxAge === 'number' ? new Date(now() + maxAge) : (expires ?? null);
    this.#life = maxAge ?? this.maxAge;
    for (const name of ['path', '_expires', 'originalMaxAge'] as const) this.#show(name);
    for (const name of Object.keys(this.#values)) if (Object.hasOwn(SHOWN, name)) this.#show(name as Shown);
  }

  static #nowOf(cookie: SessionCookie): number {
    return #now in cookie ? cookie.#now() : Date.now();
  }

  /** Makes an attribute an own key of the cookie. */
  #show(name: Shown): void {
    if (!Object.hasOwn(this, name)) Object.defineProperty(this, name, SHOWN[name]);
  }

  #set(name: Name, value: unknown): void {
    Object.assign(this.#values, { [name]: value });
    this.#own.add(name);
    this.#show(name);
  }

  /** When the browser deletes it; `null`: when the browser closes. A number is a lifetime in ms. */
  get expires(): Date | null {
    return this._expires;
  }
  set expires(end: Date | number | null | undefined | false) {
    if (typeof end === 'number') {
      this.maxAge = end;
      return;
    }
    this._expires = end || null;
    this.originalMaxAge = this.maxAge;
  }

  /** Some express-session stores read the expiry here. */
  get _expires(): Date | null {
    return #end in this ? this.#end : null;
  }
  set _expires(end: Date | null) {
    if (!(#end in this)) {
      ownValue(this, '_expires', end);
      return;
    }
    if (end !== null && !isDate(end))
      throw new TypeError(
        `session.cookie.expires got ${(end as unknown) instanceof Date ? 'an invalid Date' : show(end)}; it takes a Date, or null.`,
      );
    this.#end = end;
    this.#own.add('maxAge');
  }

  /** Its full lifetime, in ms, which begins again each time the session is saved; `null`: until the browser closes. */
  get originalMaxAge(): number | null {
    return #life in this ? this.#life : null;
  }
  set originalMaxAge(ms: number | null) {
    if (#life in this) {
      this.#life = ms;
      this.#own.add('maxAge');
    } else ownValue(this, 'originalMaxAge', ms);
  }

  /** The rest of its lifetime, in ms. */
  get maxAge(): number | null {
    const { expires } = this;
    return expires instanceof Date ? expires.getTime() - SessionCookie.#nowOf(this) : null;
  }
  set maxAge(ms: number | null | undefined) {
    const end = ms === null || ms === undefined ? null : new Date(SessionCookie.#nowOf(this) + ms);
    if (end !== null && (typeof ms !== 'number' || !isDate(end)))
      throw new TypeError(`session.cookie.maxAge got ${show(ms)}; it takes a number of ms, or null.`);
    this._expires = end;
    this.originalMaxAge = ms ?? null;
  }

  /** Begins the lifetime again. */
  touch(): void {
    this.#end = this.#life === null ? null : new Date(this.#now() + this.#life);
  }

  /** What express-session's stores read: all attributes, also those that are not set. */
  get data(): CookieAttributes & { originalMaxAge: number | null } {
    const { originalMaxAge, partitioned, priority, expires, secure, httpOnly, domain, path, sameSite } = this;
    return { originalMaxAge, partitioned, priority, expires, secure, httpOnly, domain, path, sameSite };
  }

  /** Makes a Set-Cookie value. */
  serialize(name: string, value: string): string {
    return serializeCookie(name, value, this.data);
  }

  /** The current attributes. */
  attributes(): CookieAttributes {
    return { ...this.#values, expires: this.#end };
  }

  /** What the app set on this session; `undefined` if it set nothing. */
  overrides(): Record<string, unknown> | undefined {
    if (this.#own.size === 0) return undefined;
    const set: Record<string, unknown> = {};
    for (const name of this.#own) set[name] = name === 'maxAge' ? this.#life : (this.#values[name] ?? null);
    return set;
  }

  /**
   * Restores what the app set on this session earlier. Invalid values are ignored, as they must not make requests fail.
   */
  restore(overrides: Readonly<Record<string, unknown>>): void {
    for (const [name, value] of Object.entries(overrides)) {
      if (name === 'maxAge') this.maxAge = typeof value === 'number' ? value : null;
      else if (isSettable(name, value ?? undefined)) this.#set(name as Name, value ?? undefined);
    }
  }

  /** Takes over the attributes of a newer version, except those in `mine`. */
  rebase(theirs: SessionCookie, mine: ReadonlySet<string>): void {
    const values = { ...theirs.#values };
    for (const name of this.#own) {
      if (!mine.has(name)) this.#own.delete(name);
      else if (name !== 'maxAge') Object.assign(values, { [name]: this.#values[name] });
    }
    for (const name of theirs.#own) this.#own.add(name);
    this.#values = values;
    for (const name of NAMES) if (name in values) this.#show(name);
    if (mine.has('maxAge')) return;
    this.#end = theirs.#end;
    this.#life = theirs.#life;
  }

  /** What `console.log` shows: the attributes. */
  [INSPECT](): object {
    return { ...this };
  }

  /** In JSON the expiry is ISO text. */
  toJSON(): CookieAttributes & { originalMaxAge: number | null } {
    return this.data;
  }
}

/** A copy with the same prototype, such as one of lodash's `cloneDeep`, gets plain values. */
function ownValue(copy: object, name: string, value: unknown): void {
  Object.defineProperty(copy, name, { value, configurable: true, enumerable: true, writable: true });
}

// Enumerable as in express-session, so that `for (key in cookie)` finds them.
for (const name of ['expires', 'maxAge', 'data', 'serialize', 'toJSON'] as const)
  Object.defineProperty(SessionCookie.prototype, name, {
    ...Object.getOwnPropertyDescriptor(SessionCookie.prototype, name),
    enumerable: true,
  });

const isDate = (value: unknown): boolean => value instanceof Date && !Number.isNaN(value.getTime());

/** Property descriptors that make the prototype's accessors own keys of a cookie. */
const SHOWN = Object.fromEntries(
  [...NAMES, '_expires', 'originalMaxAge'].map((name) => [
    name,
    { ...Object.getOwnPropertyDescriptor(SessionCookie.prototype, name), enumerable: true },
  ]),
) as Record<Shown, PropertyDescriptor>;
