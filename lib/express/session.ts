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

/** Node's callback. */
export type Callback = (error?: unknown) => void;

/** What a session needs of a request that no middleware of ours has seen: that of a socket, or made by `store.load()`. */
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
 * A session, as express-session's `session.Session`: `cookie` is a key of its own, only `id`, `req` and the methods are no data, and each
 * method gives the session back. The rest of ours is at `keycard(req.session)`.
 */
export class Session {
  declare cookie: Cookie;
  [key: string]: unknown;

  readonly #core: SessionCore | undefined;
  readonly #request: SessionHolder;
  readonly #id: string;

  /** A session apart from any request in progress: its methods go straight to `request.sessionStore`. */
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

  /** Looked at, it shows its cookie and data. */
  [INSPECT](): object {
    const shown = Object.getOwnPropertyDescriptors({ ...this });
    return Object.create(Session.prototype, { ...shown, [INSPECT]: {} }) as object;
  }

  // A copy that keeps the prototype, as lodash's `cloneDeep` makes it, belongs to no request: `id` and `req` are undefined there,
  // which their types don't say, as express-session's don't.
  get id(): string {
    return #id in this ? (this.#core?.visibleId ?? this.#id) : NONE;
  }

  get req(): SessionHolder {
    return #request in this ? this.#request : NONE;
  }

  /** Gives the cookie its whole life again, and the session with it. */
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

  /** Saves now. If another request has ended the session meanwhile nothing is written, and that is no error. */
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

  /** A session with a new id and without data takes this one's place at `req.session`; the old record is gone. */
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

/** Another session's cookie, as passport's `keepSessionInfo` hands it on, or one that the app made. */
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
  // As that cookie would have it at the end of the response.
  const life = isCookie ? value.originalMaxAge : maxAge;
  if (life !== undefined) {
    if (life !== cookie.originalMaxAge) cookie.maxAge = life;
  } else if ('expires' in attributes && !isSame(cookie.expires, expires)) cookie.expires = expires;
}

const isSame = (a: Date | null, b: Date | null): boolean =>
  a === b || (a !== null && b !== null && Math.abs(a.getTime() - b.getTime()) < 1_000);

/** What a copy of a session has for its id and request: see there. */
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

/** A callback is called once, outside the promise chain, so that what it throws is the caller's. */
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
