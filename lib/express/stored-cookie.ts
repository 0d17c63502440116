import type { Clock } from '../stores/clock.js';

/**
 * The cookie of a session that is handed to a store of express-session. Stores take the time to live from `expires` or `maxAge`:
 * they find there when the record ends, also where the browser's cookie has no end. Written as JSON, it is the record's own.
 */
export class StoredCookie {
  readonly expires: Date;
  readonly originalMaxAge: number | null = null;
  readonly #clock: Clock;
  readonly #data: object;

  constructor(data: object, expiresAt: number, clock: Clock) {
    Object.assign(this, data);
    this.expires = new Date(expiresAt);
    this.#clock = clock;
    this.#data = data;
  }

  /** What is left, in ms. */
  get maxAge(): number {
    return this.expires.getTime() - this.#clock.now();
  }

  /** The cookie's attributes, as express-session's own class gives them. */
  get data(): object {
    return this.#data;
  }

  toJSON(): object {
    return this.#data;
  }
}
