import type { CookieAttributes } from '../cookie/cookie-attributes.js';
import type { Clock } from '../stores/clock.js';
import { Cookie } from './cookie.js';

/**
 * The cookie of a session that is passed to an express-session store. Stores compute the time to live from `expires` or
 * `maxAge`, so these are the expiry of the record, even if the browser's cookie has none. Its `data`, and so its JSON,
 * are those of the record.
 */
export class StoredCookie extends Cookie {
  readonly #data: ReturnType<Cookie['toJSON']>;

  constructor(stored: object, expiresAt: number, clock: Clock) {
    const { maxAge: _life, expires, ...attributes } = stored as CookieAttributes;
    super({ originalMaxAge: null, ...attributes, expires: new Date(expiresAt) }, () => clock.now());
    this.originalMaxAge = (stored as { originalMaxAge?: number | null }).originalMaxAge ?? null;
    const end = new Date((expires ?? Number.NaN) as Date);
    this.#data = (Number.isNaN(end.getTime()) ? stored : { ...stored, expires: end }) as ReturnType<Cookie['toJSON']>;
  }

  override get data(): ReturnType<Cookie['toJSON']> {
    return this.#data;
  }
}
