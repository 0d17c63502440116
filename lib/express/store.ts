import { EventEmitter } from 'node:events';
import { inherits } from 'node:util';
import { METADATA_KEY } from '../common/metadata-key.js';
import { sessionOf, type SessionRequest } from '../transports/http/lifecycle.js';
import { Cookie, type CookieInit } from './cookie.js';
import { type Callback, Session, type SessionHolder } from './session.js';

/** A session as a store holds it. */
export interface StoredData {
  cookie?: CookieInit | undefined;
  [key: string]: unknown;
}

/** The base class of stores: `class MyStore extends session.Store`, or `Store.call(this)` and `util.inherits`. */
export interface Store extends EventEmitter {
  /** Ends the session of a request, and gives it a new one. */
  regenerate(request: object, callback: Callback): void;
  /** Loads a session that belongs to no request: `callback(error, session)`, without a session if there is none. */
  load(sid: string, callback: (error?: unknown, session?: Session) => void): void;
  /** Makes stored data the session of a request. */
  createSession(request: object, session: StoredData): Session;
  /** Gives a request a new session; `session()` sets this method. */
  generate(request: object): void;
}

/** `new Store()`, or `Store.call(store)`. */
export interface StoreConstructor {
  new (): Store;
  (this: object): void;
  readonly prototype: Store;
}

type Methods = Store & {
  get(sid: string, callback: (error: unknown, session?: StoredData | null) => void): void;
  destroy(sid: string, callback: Callback): void;
};

// A function and no class, because a class can't be called as `Store.call(this)`. TypeScript has no type for a function
// as constructor: hence the cast.
export const Store = function Store(this: EventEmitter): void {
  EventEmitter.call(this);
} as unknown as StoreConstructor;
inherits(Store, EventEmitter);

const prototype = Store.prototype as Store;

prototype.regenerate = function regenerate(this: Methods, request, callback) {
  this.destroy((request as SessionHolder).sessionID, (error) => {
    this.generate(request);
    callback(error);
  });
};

prototype.load = function load(this: Methods, sid, callback) {
  this.get(sid, (error, found) => {
    if (error) return callback(error);
    if (!found) return callback();
    callback(null, this.createSession({ sessionID: sid, sessionStore: this }, found));
  });
};

prototype.createSession = function createSession(request, session) {
  const core = sessionOf(request as SessionRequest)?.currentCore;
  if (core !== undefined) {
    // During a request: the data become those of its session.
    const { cookie: _cookie, [METADATA_KEY]: _metadata, ...values } = session;
    core.data.become(values);
    return core.session as Session;
  }
  session.cookie = reviveCookie(session.cookie);
  const holder = request as SessionHolder;
  holder.session = new Session(holder, session);
  return holder.session as Session;
};

function reviveCookie(stored: CookieInit | undefined): Cookie {
  const expires = stored?.expires as unknown;
  const cookie = new Cookie({
    ...stored,
    expires: typeof expires === 'string' ? new Date(expires) : (expires as Date | null | undefined),
  });
  // Set last, as setting an expiry overwrites it.
  cookie.originalMaxAge = stored?.originalMaxAge ?? null;
  return cookie;
}
