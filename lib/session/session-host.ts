import type { SessionCookie } from '../cookie/session-cookie.js';
import type { SessionValues } from '../record/record-text.js';
import type { Device, SessionMetadata } from '../record/session-metadata.js';

/** What carries a session: a request, or a job that has none. `Core` is the `SessionCore`. */
export interface SessionHost<Core> {
  /** The request; `undefined`: there is none. */
  readonly req: object | undefined;
  /** What can carry a cookie; `undefined`: nothing can. */
  readonly res: { readonly headersSent: boolean } | undefined;
  readonly verbs: SessionVerbs<Core>;
  /** The session that the request goes on with, as the app has it. */
  readonly session: object | undefined;
  /** The same; it may have ended. */
  core: Core | undefined;
  /** Why the store could not give the session. */
  readonly failureToLoad: unknown;
  /** The well-signed id that the browser sent. */
  readonly browserId: string | undefined;
  /** A well-signed id whose record is over, or gone. */
  readonly overdueId: string | undefined;
  /** The app has put an end to it: `req.session = null`. */
  isUnset: boolean;
  /** A write of this request has moved the session's end. */
  isEndMoved: boolean;
  /** The store failed a verb that the app called. */
  hasStoreFailed: boolean;
  /** Verbs that are under way. */
  readonly pending: Set<Promise<unknown>>;
  /** Sessions that another has taken the place of, with what they held then. */
  readonly detached: Map<Core, string>;

  /** Aborts when a session ends, wherever that happens. */
  signalOf(core: Core): AbortSignal;
  /** A verb failed that nobody waited for. */
  noteUnheard(error: unknown): void;
  /** `req.session = null`, or deleting it. */
  unsetSession(): void;
  /** A new session without data takes the place of the current one, whose record is left to the caller. */
  startOver(): object;
  /** A session's cookie as this request wants it. */
  cookieOf(core: Core): SessionCookie;
  /** The JSON of the `cookie` part of a record. */
  cookieJson(core: Core, metadata: SessionMetadata): string;
  newId(): string;
  /** The device that asks. */
  device(): Device | undefined;
  /** What the session is bound to. */
  binding(): string | undefined;
}

/** What a session can do. */
export interface SessionVerbs<Core> {
  save(core: Core): Promise<void>;
  reload(core: Core): Promise<void>;
  regenerate(core: Core): Promise<object>;
  renew(core: Core): Promise<void>;
  destroy(core: Core, as: 'destroyed' | 'logged-out'): Promise<void>;
  login(core: Core, principal: unknown, data: SessionValues | undefined, options?: unknown): Promise<void>;
  confirmLogin(core: Core): Promise<void>;
  update(core: Core, fn: unknown): Promise<void>;
  discard(core: Core): Promise<void>;
  /** express-session's `regenerate()`: a new session takes the place of this one, whose record ends now. */
  replace(core: Core): Promise<void>;
  /** Ends the record of a session, or of the one whose place it was to take, if there is one; and nothing else. */
  endRecord(core: Core): Promise<void>;
}
