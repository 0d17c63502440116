import { ReservedKeyError } from '../common/errors.js';
import { METADATA_KEY } from '../common/metadata-key.js';
import type { SessionValues } from '../record/record-text.js';
import type { CookieAttributes } from '../cookie/cookie-attributes.js';
import type { SessionCookie } from '../cookie/session-cookie.js';
import type { SessionCore } from './session-core.js';
import type { DataSurface } from './session-services.js';
import { CORE } from './session-core-symbol.js';
import { controlNames, defineControls } from './session-controls.js';

/** How the app sees a session: ours, or express-session's API. The engine is the same. */
export interface SessionSurface extends DataSurface {
  /** Makes the object that the app gets. */
  create(core: SessionCore): object;
  /** Whether `Cache-Control: no-cache="Set-Cookie"` is set beside a cookie, unless the app sets the header. */
  readonly cacheControl: boolean;
  /** Whether the cookie stays in the browser when the session is destroyed. */
  readonly keepsCookie: boolean;
  /**
   * Decides when a cookie that the browser has is sent again. Default: when the session was extended, with `rolling`
   * and a persistent cookie.
   */
  readonly sendsCookie?: ((core: SessionCore, moved: boolean) => boolean) | undefined;
  /** Makes `session.cookie`. Default: a `SessionCookie`. */
  readonly createCookie?: ((attributes: CookieAttributes, now: () => number) => SessionCookie) | undefined;
}

const RESERVED: ReadonlySet<string> = new Set([...controlNames, METADATA_KEY, '__proto__']);

/** The session in Nest's API: its own properties are the data, all else is on the prototype. */
class HttpSession {
  readonly #core: SessionCore;

  constructor(core: SessionCore) {
    this.#core = core;
  }

  get [CORE](): SessionCore {
    return this.#core;
  }
}

defineControls(HttpSession.prototype);
guardKeys(HttpSession.prototype);

/**
 * Refuses to assign the record's reserved key and `__proto__`, so that `Object.assign(session, body)` can't forge
 * metadata.
 */
export function guardKeys(prototype: object): void {
  for (const key of [METADATA_KEY, '__proto__']) {
    Object.defineProperty(prototype, key, {
      configurable: true,
      get: () => undefined,
      set: () => {
        throw new ReservedKeyError(key);
      },
    });
  }
}

export const httpSurface: SessionSurface = {
  create: (core) => new HttpSession(core),
  data: (session) =>
    hasReservedOwn(session, RESERVED) ? withoutReserved(session, RESERVED) : (session as SessionValues),
  reserved: RESERVED,
  strict: true,
  cacheControl: true,
  keepsCookie: false,
};

/** `Object.defineProperty` bypasses setters. A property defined that way is no data. */
export function hasReservedOwn(session: object, reserved: ReadonlySet<string>): boolean {
  for (const key of Object.keys(session)) if (reserved.has(key)) return true;
  return false;
}

export function withoutReserved(session: object, reserved: ReadonlySet<string>): SessionValues {
  return Object.fromEntries(Object.entries(session).filter(([key]) => !reserved.has(key)));
}

/** The core of a session. */
export function coreOf(session: object): SessionCore | undefined {
  return (session as { [CORE]?: SessionCore })[CORE];
}

/**
 * All data of a session, also under reserved names: an app that came from express-session may have keys named `login`,
 * `update` or `info`. Reading, assigning and deleting its properties changes the session.
 *
 * @example
 * ```ts
 * dataOf(req.session).info = 'kept under a reserved name';
 * ```
 * @throws TypeError if the value is no session.
 */
export function dataOf(session: object): Record<string, unknown> {
  const core = coreOf(session);
  if (core === undefined) throw new TypeError('dataOf(session) takes a session, such as req.session.');
  const { reserved } = core.services.surface;
  const live = core.session as Record<string, unknown>;
  return new Proxy(live, {
    get: (target, key) =>
      typeof key !== 'string' ? undefined : reserved.has(key) ? core.data.hidden.get(key) : target[key],
    has: (target, key) =>
      typeof key === 'string' && reserved.has(key) ? core.data.hidden.has(key) : Object.hasOwn(target, key),
    set: (target, key, value: unknown) => {
      if (typeof key !== 'string' || key === METADATA_KEY || key === '__proto__' || key === 'cookie')
        throw new ReservedKeyError(String(key));
      if (reserved.has(key)) core.data.hide(key, value);
      else target[key] = value;
      return true;
    },
    deleteProperty: (target, key) => {
      if (typeof key === 'string' && reserved.has(key)) core.data.unhide(key);
      else delete target[key as string];
      return true;
    },
    ownKeys: () => Object.keys(core.data.all()),
    getOwnPropertyDescriptor: (target, key) => {
      if (typeof key !== 'string') return undefined;
      const values = core.data.all();
      return Object.hasOwn(values, key)
        ? { value: values[key], enumerable: true, configurable: true, writable: true }
        : undefined;
    },
    getPrototypeOf: () => Object.prototype,
  });
}
