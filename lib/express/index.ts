import { Cookie } from './cookie.js';
import { MemoryStore } from './memory-store.js';
import { session as middleware, type SessionMiddleware } from './middleware.js';
import type { ExpressSessionOptions } from './express-options.js';
import { Session } from './session.js';
import { Store } from './store.js';

/** `session(options)`, with the classes of express-session beside it. */
export interface SessionFactory {
  (options?: ExpressSessionOptions | null): SessionMiddleware;
  readonly Store: typeof Store;
  readonly MemoryStore: typeof MemoryStore;
  readonly Cookie: typeof Cookie;
  readonly Session: typeof Session;
}

const session: SessionFactory = Object.assign(middleware, { Store, MemoryStore, Cookie, Session });

export default session;
export { session, Cookie, MemoryStore, Session, Store };
export type { CookieInit } from './cookie.js';
export type {
  ExpressCookieOptions,
  ExpressSessionOptions,
  ExpressSessionOptions as SessionOptions,
} from './express-options.js';
export type { SessionMiddleware } from './middleware.js';
export type { Callback, SessionHolder } from './session.js';
export type { StoreConstructor, StoredData } from './store.js';
export type { MemoryStoreConstructor } from './memory-store.js';
export { keycard } from './keycard.js';
export type { Keycard } from './keycard.js';
export { fromExpressStore } from './from-express-store.js';
export type { AdaptedExpressStore, FromExpressStoreOptions } from './from-express-store.js';
export { toExpressStore } from './to-express-store.js';
export type { ExpressStore, ExpressStoreMethods, ToExpressStoreOptions } from './to-express-store.js';
export type { ExpressStoreLike, StoreCallback } from './express-store-like.js';
export { dataOf } from '../session/session-surface.js';
export type { SessionControls, SessionData } from '../session/session-types.js';
