import { SessionStateError } from '../common/errors.js';
import { SessionCore } from '../session/session-core.js';
import { INSPECT } from '../common/inspect-symbol.js';
import { CORE } from '../session/session-core-symbol.js';
import { touchCore } from '../session/session-controls.js';
import { SessionCookie } from '../cookie/session-cookie.js';
import { guardKeys } from '../session/session-surface.js';
import { TrackedPromise } from '../common/tracked-promise.js';
import { attributesOf, type Cookie } from './cookie.js';
import { storeErrorOf } from './store-error.js';

/** A Node callback. */
export type Callback = (error?: unknown) => void;

/** What a session needs of a request without our middleware: a socket's, or one made by `store.load()`. */
export interface SessionHolder {
  sessionID: string;
  sessionStore: HolderStore;
  session?: object | null | undefined;
}

interface HolderStore {
  get(sid: string, callback: (error: unknown, session?: unknown) => void): unknown;
  set(sid: string, session: object, callback: Callback): unknown;
  destroy?(sid: string, callback?: Callback): unknown;
  regenerate?(request: object, callback: Callback): unknown;
  createSession?(request: object, session: object): unknown;
}

/**
 * A session like express-session's `session.Session`: `cookie` is an own key; `id`, `req` and the methods are no data;
 * each method returns the session. `keycard(req.session)` has the other methods of this library.
 */
export class Session {
  declare cookie: Cookie;
  [key: string]: unknown;

  readonly #core: SessionCore | undefined;
  readonly #request: SessionHolder;
  readonly #id: string;

  /** A session without a current request: its methods call `request.sessionStore`. */
  constructor(request: SessionHolder, data?: object | null);
  /** @internal */
  constructor(core: SessionCore);
  constructor(owner: SessionHolder | SessionCore, data?: object | null) {
    if (owner instanceof SessionCore) {
      this.#core = owner;
      this.#request = owner.host.req as SessionHolder;
      this.#id = '';
      Object.defineProperty(this, 'cookie', COOKIE);
      return;
    }
    this.#request = owner;
    this.#id = owner.sessionID;
    if (typeof data !== 'object' || data === null) return;
    for (const [key, value] of Object.entries(data)) if (!(key in this)) this[key] = value;
  }

  /** @internal */
  get [CORE](): SessionCore | undefined {
    return #core in this ? this.#core : undefined;
  }

  /** What `console.log` shows: the cookie and the data. */
  [INSPECT](): object {
    const shown = Object.getOwnPropertyDescriptors({ ...this });
    return Object.create(Session.prototype, { ...shown, [INSPECT]: {} }) as object;
  }

  // A copy with the same prototype, such as one of lodash's `cloneDeep`, belongs to no request. Its `id` and `req` are
  // `undefined`, although their types say otherwise, as in express-session.
  get id(): string {
    return #id in this ? (this.#core?.visibleId ?? this.#id) : NONE;
  }

  get req(): SessionHolder {
    return #request in this ? this.#request : NONE;
  }

  /** Begins the lifetime of the cookie and of the session again. */
  touch(): this {
    if (this.#core === undefined) return this.resetMaxAge();
    touchCore(this.#core);
    return this;
  }

  resetMaxAge(): this {
    if (this.#core === undefined) this.cookie.maxAge = this.cookie.originalMaxAge;
    else this.#core.cookie.touch();
    return this;
  }

  /** Saves now. If another request has ended the session meanwhile, nothing is written, and that is no error. */
  save(callback?: Callback): this {
    if (this.#core === undefined) this.#request.sessionStore.set(this.#id, this, callback ?? noop);
    else run(this.#core, 'save', saveOf(this.#core), callback);
    return this;
  }

  /** Reads the session again. Fails with `failed to load session` if it no longer exists. */
  reload(callback: Callback): this {
    if (this.#core === undefined) reloadHeld(this.#request, callback);
    else run(this.#core, 'reload', reloadOf(this.#core), callback);
    return this;
  }

  /** Ends the session. `req.session` is undefined from now on. */
  destroy(callback?: Callback): this {
    if (this.#core === undefined) {
      delete this.#request.session;
      this.#request.sessionStore.destroy?.(this.#id, callback);
    } else run(this.#core, 'destroy', destroyOf(this.#core), callback);
    return this;
  }

  /** Replaces this session at `req.session` by one with a new id and no data. The old record is deleted. */
  regenerate(callback?: Callback): this {
    if (this.#core === undefined) this.#request.sessionStore.regenerate?.(this.#request, callback ?? noop);
    else run(this.#core, 'regenerate', this.#core.host.verbs.replace(this.#core), callback);
    return this;
  }
}

guardKeys(Session.prototype);

const COOKIE: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: Session) {
    return this[CORE]!.cookie;
  },
  set(this: Session, value: unknown) {
    takeCookie(this[CORE]!, value);
  },
};

/** Takes over the cookie of another session, as with passport's `keepSessionInfo`, or one that the app made. */
function takeCookie(core: SessionCore, value: unknown): void {
  if (typeof value !== 'object' || value === null)
    throw new TypeError('session.cookie takes a Cookie, or an object of its attributes.');
  const { cookie } = core;
  const isCookie = value instanceof SessionCookie;
  if (isCookie) cookie.restore(value.overrides() ?? {});
  const attributes = isCookie ? value.attributes() : attributesOf(value);
  const { maxAge, expires = null, ...given } = attributes;
  for (const [name, wanted] of Object.entries(given)) {
    const key = name as 'domain';
    if (cookie[key] !== wanted) Reflect.set(cookie, key, wanted);
  }
  // The lifetime that the cookie will have at the end of the response.
  const life = isCookie ? value.originalMaxAge : maxAge;
  if (life !== undefined) {
    if (life !== cookie.originalMaxAge) cookie.maxAge = life;
  } else if ('expires' in attributes && !isSame(cookie.expires, expires)) cookie.expires = expires;
}

const isSame = (a: Date | null, b: Date | null): boolean =>
  a === b || (a !== null && b !== null && Math.abs(a.getTime() - b.getTime()) < 1_000);

/** The id and request of a copy of a session: see `id`. */
const NONE = undefined as never;
const noop = (): void => undefined;
const hasEnded = (error: unknown): boolean => error instanceof SessionStateError && error.code === 'ENDED';

async function saveOf(core: SessionCore): Promise<void> {
  try {
    await core.host.verbs.save(core);
  } catch (error) {
    if (!(hasEnded(error) && core.isOver)) throw error;
  }
}

async function reloadOf(core: SessionCore): Promise<void> {
  try {
    await core.host.verbs.reload(core);
  } catch (error) {
    throw hasEnded(error) ? new Error('failed to load session', { cause: error }) : error;
  }
}

async function destroyOf(core: SessionCore): Promise<void> {
  const { host } = core;
  if (core !== host.core) return host.verbs.endRecord(core);
  // express-session unsets it before the store has answered.
  host.unsetSession();
  if (core.status !== 'ended-elsewhere') await host.verbs.destroy(core, 'destroyed');
}

/** A callback is called once, outside the promise chain, so that what it throws reaches its caller. */
function run(core: SessionCore, name: string, work: Promise<unknown>, callback: Callback | undefined): void {
  if (typeof callback === 'function') {
    work.then(
      () => process.nextTick(callback),
      (error: unknown) => process.nextTick(callback, storeErrorOf(error, core.services)),
    );
    return;
  }
  TrackedPromise.track(work, (error) =>
    core.services.notices.error(`session.${name}() failed, and the app did not await it.`, error),
  );
}

function reloadHeld(request: SessionHolder, callback: Callback): void {
  const { sessionStore, sessionID } = request;
  sessionStore.get(sessionID, (error, found) => {
    if (error) return callback(error);
    if (typeof found !== 'object' || found === null) return callback(new Error('failed to load session'));
    sessionStore.createSession?.(request, found);
    callback();
  });
}
