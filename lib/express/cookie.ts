import type { CookieAttributes } from '../cookie/cookie-attributes.js';
import { SessionCookie } from '../cookie/session-cookie.js';

/** What `new Cookie()` takes. Of `expires` and `maxAge` the one that is named last counts. */
export interface CookieInit extends Omit<CookieAttributes, 'maxAge' | 'expires'> {
  /** Life in ms. A Date is taken for `expires`. */
  maxAge?: number | Date | null | undefined;
  expires?: Date | null | false | undefined;
  originalMaxAge?: number | null | undefined;
}

/** A session's cookie, as express-session's `session.Cookie`: `expires`, `maxAge`, `originalMaxAge`, `serialize()`, `toJSON()`. */
export class Cookie extends SessionCookie {
  /** @throws TypeError for options that are no object, or a `maxAge` that is neither a number nor a Date. */
  constructor(options?: CookieInit | null, now?: () => number) {
    super(attributesOf(options), now);
    const life = options?.originalMaxAge;
    if (life === undefined || life === null) return;
    // An end that is named after it makes it another one.
    const names = Object.keys(options!);
    const at = names.indexOf('originalMaxAge');
    if (at > names.indexOf('maxAge') && at > names.indexOf('expires')) this.originalMaxAge = life;
  }

  override get maxAge(): number | null {
    return super.maxAge;
  }
  override set maxAge(value: number | Date | null | undefined) {
    assertMaxAge(value);
    if (value instanceof Date) this.expires = value;
    else super.maxAge = value;
  }
}

Object.defineProperty(Cookie.prototype, 'maxAge', { enumerable: true });

const ATTRIBUTES: ReadonlySet<string> = new Set([
  'domain',
  'path',
  'httpOnly',
  'secure',
  'sameSite',
  'priority',
  'partitioned',
]);

/**
 * Cookie options of express-session as the engine takes them: what it doesn't know (`signed`, `encode`, `overwrite`) has no effect there
 * either, and is left out.
 *
 * @throws TypeError
 */
export function attributesOf(options: object | null | undefined): CookieAttributes {
  if (!options) return {};
  if (typeof options !== 'object') throw new TypeError('argument options must be a object');
  const attributes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (name === 'maxAge' || name === 'expires' || name === '_expires') Object.assign(attributes, endOf(name, value));
    else if (ATTRIBUTES.has(name)) attributes[name] = value;
  }
  return attributes;
}

/** Each takes back what the other said. `expires` as a number is a life in ms, as express-session's `touch()` makes of it. */
function endOf(name: 'maxAge' | 'expires' | '_expires', value: unknown): CookieAttributes {
  if (name === 'maxAge') assertMaxAge(value);
  if (typeof value === 'number') return { maxAge: value, expires: undefined };
  return { maxAge: undefined, expires: value instanceof Date ? value : undefined };
}

function assertMaxAge(value: unknown): asserts value is number | Date | null | undefined {
  if (value && typeof value !== 'number' && !(value instanceof Date))
    throw new TypeError('maxAge must be a number or Date');
}
