import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { LoginOptions } from './login-options.js';
import type { SessionCallback, SessionInfo } from './session-controls.js';
import type { SessionCookie } from '../cookie/session-cookie.js';

/**
 * The keys of your sessions. Declare them once, by declaration merging:
 *
 * ```ts
 * import 'nestjs-keycard'; // else this replaces the package's types
 * declare module 'nestjs-keycard' {
 *   interface SessionData { user: { name: string }; cart: string[] }
 * }
 * ```
 *
 * If nothing is declared, each key is `unknown`.
 */
export interface SessionData {}

/** The keys of a session, all optional. */
export type SessionKeys<D> = [keyof D] extends [never] ? Record<string, unknown> : Partial<D>;

/**
 * The methods and properties of a session, in addition to its data. The names are reserved: assigning one throws
 * `ReservedKeyError`.
 */
export interface SessionControls<D = SessionData> {
  /** The id. It is a secret that belongs in the cookie only: never log or show it. */
  readonly id: string;
  /** This session's cookie. Attributes set on it are saved with the session. */
  readonly cookie: SessionCookie;
  /** The metadata of the session, read-only. */
  readonly info: SessionInfo;
  /**
   * Aborts when the session ends in any process: by logout, revocation, `maxSessionsPerPrincipal` or expiry. For
   * sockets and streams that outlive their request.
   *
   * @example
   * ```ts
   * session.signal.addEventListener('abort', () => stream.end());
   * ```
   */
  readonly signal: AbortSignal;
  /**
   * Saves now, instead of when the response begins.
   *
   * @throws SessionDataError if JSON can't hold the data, or they are too large. Nothing was written.
   * @throws SessionStateError `ENDED` if the session has ended meanwhile.
   * @throws SessionStoreError if the store failed.
   */
  save(): Promise<void>;
  save(callback: SessionCallback): this;
  /** Reads the session again. Unsaved changes are dropped. */
  reload(): Promise<void>;
  reload(callback: SessionCallback): this;
  /**
   * Drops the unsaved changes of this request: data, cookie, login and new id. Later changes are saved as usual.
   *
   * @example
   * ```ts
   * catch (error) {
   *   await session.discard();
   *   throw error;
   * }
   * ```
   */
  discard(): Promise<void>;
  discard(callback: SessionCallback): this;
  /**
   * Replaces this session by a new one without data, in `req.session` and as the result. The old id becomes invalid
   * when the response begins.
   *
   * @example
   * ```ts
   * const session = await req.session.regenerate();
   * ```
   */
  regenerate(): Promise<Session<D>>;
  regenerate(callback: SessionCallback<Session<D>>): this;
  /** Gives the session a new id. The old id leads to it for another `renewGrace`. */
  renew(): Promise<void>;
  renew(callback: SessionCallback): this;
  /**
   * Ends the session immediately. Requests that are still running can't bring it back. The response clears the cookie.
   */
  destroy(): Promise<void>;
  destroy(callback: SessionCallback): this;
  /** Extends the idle timeout with this request, regardless of `touchInterval`. */
  touch(): this;
  /** Sets the cookie's `maxAge` back to its original value, so that its lifetime starts again. */
  resetMaxAge(): this;
  /**
   * Logs `principal` in: sets `data`, and gives the session a new id. The old id becomes invalid when the new one is
   * saved (no session fixation). What a visitor's session held stays; that of another user starts empty.
   *
   * @param principal the user's id, a string or a number.
   * @param options `{ remember: '30d' }` gives this session a lifetime of its own ("remember me").
   * @example
   * ```ts
   * await session.login(user.id, { user: { name: user.name } });
   * ```
   * @throws TooManySessionsError if `onTooMany` is `reject` and there is no room.
   * @throws SessionOptionsError if an option is unknown, or `remember` is no duration.
   */
  login(principal: string | number, data?: SessionKeys<D>, options?: LoginOptions): Promise<void>;
  login(principal: string | number, data: SessionKeys<D>, callback: SessionCallback): this;
  login(principal: string | number, data: SessionKeys<D>, options: LoginOptions, callback: SessionCallback): this;
  /**
   * Ends the session, like `destroy()`, but events report it as a logout. To leave the visitor a message, call
   * `regenerate()` in its place.
   */
  logout(): Promise<void>;
  logout(callback: SessionCallback): this;
  /**
   * For a principal who has just proved their identity again: sets `info.authenticatedAt`, and gives the session a new
   * id. The old id becomes invalid when the new one is saved (ASVS 5 V7.2.4).
   */
  confirmLogin(): Promise<void>;
  confirmLogin(callback: SessionCallback): this;
  /**
   * Changes the data with `fn` and saves them, with all pending changes, in one atomic write. If another request wrote
   * first, `fn` runs again on the newer data. So `fn` must only change its draft, or return an object with the new
   * data.
   *
   * @example
   * ```ts
   * await session.update((draft) => { draft.visits = (draft.visits ?? 0) + 1; });
   * ```
   * @throws SessionStateError `ENDED` if the session has ended, `UNSUPPORTED` if `fn` takes longer than `storeTimeout`.
   */
  update(fn: (draft: SessionKeys<D>) => void | SessionKeys<D> | Promise<void | SessionKeys<D>>): Promise<void>;
}

/** A session: the data are its own properties, the methods are on its prototype. */
export type Session<D = SessionData> = SessionControls<D> & SessionKeys<D>;

/** The type of a session that a Standard Schema describes: `@Session() session: SessionOf<typeof schema>`. */
export type SessionOf<S extends StandardSchemaV1> = Session<StandardSchemaV1.InferOutput<S>>;
