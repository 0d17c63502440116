import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { LoginOptions } from './login-options.js';
import type { SessionCallback, SessionInfo } from './session-controls.js';
import type { SessionCookie } from '../cookie/session-cookie.js';

/**
 * What an app keeps in its sessions, by declaration merging:
 *
 * ```ts
 * declare module 'nestjs-keycard' {
 *   interface SessionData { user: { name: string }; cart: string[] }
 * }
 * ```
 *
 * Where nothing is declared, any text key holds `unknown`.
 */
export interface SessionData {}

/** The keys of a session as they may or may not be there. */
export type SessionKeys<D> = [keyof D] extends [never] ? Record<string, unknown> : Partial<D>;

/** What a session can do, beside holding data. The names are reserved: assigning one throws `ReservedKeyError`. */
export interface SessionControls<D = SessionData> {
  /** The id. It belongs in the cookie alone: never log it, never show it. */
  readonly id: string;
  /** This session's cookie. What is set on it stays with this session. */
  readonly cookie: SessionCookie;
  /** What the engine knows of the session. */
  readonly info: SessionInfo;
  /**
   * Aborts when the session ends: by logout, revocation, `maxSessionsPerPrincipal`, or time, in whatever process. For what is open longer than
   * a request takes.
   *
   * @example
   * ```ts
   * session.signal.addEventListener('abort', () => stream.end());
   * ```
   */
  readonly signal: AbortSignal;
  /**
   * Commits now; what was saved is the base that later changes are counted from.
   *
   * @throws SessionDataError for data that JSON can't carry, or too much of it. Nothing was written.
   * @throws SessionStateError `ENDED` where the session was ended meanwhile.
   * @throws SessionStoreError where the store failed.
   */
  save(): Promise<void>;
  save(callback: SessionCallback): this;
  /** Reads the session again; what was changed and not saved is dropped. */
  reload(): Promise<void>;
  reload(callback: SessionCallback): this;
  /**
   * Drops what this request changed and has not saved: data, cookie, and a login or new id that is yet to be saved. What is changed later
   * is saved as ever.
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
  /** A new session without data takes this one's place in `req.session`; the promise gives it. The old id is worth nothing any more. */
  regenerate(): Promise<Session<D>>;
  regenerate(callback: SessionCallback<Session<D>>): this;
  /** The same session and data under a new id; the old id finds it for `renewGrace` longer. */
  renew(): Promise<void>;
  renew(callback: SessionCallback): this;
  /** Ends the session, now. No request in flight can bring it back. The cookie is cleared with the response. */
  destroy(): Promise<void>;
  destroy(callback: SessionCallback): this;
  /** Moves the idle end with this request, whatever `touchInterval` says. */
  touch(): this;
  /** Gives the cookie its whole life again. */
  resetMaxAge(): this;
  /**
   * Logs `principal` in: new id, the old one worth nothing at once (no session fixation), and `data` set.
   *
   * @param principal the user's id, as text or number.
   * @param options `{ remember: '30d' }` gives this session a life of its own ("remember me").
   * @throws TooManySessionsError where `onTooMany` is `reject` and there is no room.
   * @throws SessionOptionsError if an option is unknown, or `remember` is no duration.
   */
  login(principal: string | number, data?: SessionKeys<D>, options?: LoginOptions): Promise<void>;
  login(principal: string | number, data: SessionKeys<D>, callback: SessionCallback): this;
  login(principal: string | number, data: SessionKeys<D>, options: LoginOptions, callback: SessionCallback): this;
  /** Ends the session: `destroy()` by its other name, told apart in the events. */
  logout(): Promise<void>;
  logout(callback: SessionCallback): this;
  /** The principal has just proved who they are again: sets `info.authenticatedAt`; new id, the old one worth nothing at once (ASVS 5 V7.2.4). */
  confirmLogin(): Promise<void>;
  confirmLogin(callback: SessionCallback): this;
  /**
   * Merges what is pending, runs `fn` on a draft, and swaps; again where somebody else was faster. So `fn` may run more than once, and
   * must do nothing but change the draft (or give back an object with the new data). The session becomes the result.
   */
  update(fn: (draft: SessionKeys<D>) => void | SessionKeys<D> | Promise<void | SessionKeys<D>>): Promise<void>;
}

/** A session: its data as own properties, and what it can do on its prototype. */
export type Session<D = SessionData> = SessionControls<D> & SessionKeys<D>;

/** The session that a Standard Schema describes: `@Session() session: SessionOf<typeof schema>`. */
export type SessionOf<S extends StandardSchemaV1> = Session<StandardSchemaV1.InferOutput<S>>;
