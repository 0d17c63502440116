import { ATTRIBUTE_NAMES, type CookieAttributes } from '../cookie/cookie-attributes.js';
import { SessionCookie } from '../cookie/session-cookie.js';

/** The options of `new Cookie()`. If both `expires` and `maxAge` are given, the last one counts. */
export interface CookieInit extends Omit<CookieAttributes, 'maxAge' | 'expires'> {
  /** The lifetime in ms. A Date is used as `expires`. */
  maxAge?: number | Date | null | undefined;
  expires?: Date | null | false | undefined;
  originalMaxAge?: number | null | undefined;
}

/**
 * A session's cookie, like express-session's `session.Cookie`: `expires`, `maxAge`, `originalMaxAge`, `serialize()`,
 * `toJSON()`.
 */
export class Cookie extends SessionCookie {
  /** @throws TypeError if the options are no object, or `maxAge` is neither a number nor a Date. */
  constructor(options?: CookieInit | null, now?: () => number) {
    super(attributesOf(options), now);
    const life = options?.originalMaxAge;
    if (life === undefined || life === null) return;
    // An expiry that comes after it changes it.
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

/**
 * Converts express-session's cookie options for the engine. Options that the engine doesn't know (`signed`, `encode`,
 * `overwrite`) have no effect in express-session either, and are left out.
 *
 * @throws TypeError
 */
export function attributesOf(options: object | null | undefined): CookieAttributes {
  if (!options) return {};
  if (typeof options !== 'object') throw new TypeError('argument options must be a object');
  const attributes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (name === 'maxAge' || name === 'expires' || name === '_expires') Object.assign(attributes, endOf(name, value));
    else if ((ATTRIBUTE_NAMES as readonly string[]).includes(name)) attributes[name] = value;
  }
  return attributes;
}

/** Each overrides the other. `expires` as a number is a lifetime in ms, as for express-session's `touch()`. */
function endOf(name: 'maxAge' | 'expires' | '_expires', value: unknown): CookieAttributes {
  if (name === 'maxAge') assertMaxAge(value);
  if (typeof value === 'number') return { maxAge: value, expires: undefined };
  return { maxAge: undefined, expires: value instanceof Date ? value : undefined };
}

function assertMaxAge(value: unknown): asserts value is number | Date | null | undefined {
  if (value && typeof value !== 'number' && !(value instanceof Date))
    throw new TypeError('maxAge must be a number or Date');
}
