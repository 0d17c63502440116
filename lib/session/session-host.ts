import type { SessionCookie } from '../cookie/session-cookie.js';
import type { SessionValues } from '../record/record-text.js';
import type { Device, SessionMetadata } from '../record/session-metadata.js';

/** What a session is attached to: a request, or a job without one. `Core` is the `SessionCore`. */
export interface SessionHost<Core> {
  /** The request, if there is one. */
  readonly req: object | undefined;
  /** The response that can set a cookie, if there is one. */
  readonly res: { readonly headersSent: boolean } | undefined;
  readonly verbs: SessionVerbs<Core>;
  /** The session object that the app currently gets. */
  readonly session: object | undefined;
  /** The core of that session. It may have ended. */
  core: Core | undefined;
  /** Why the store could not load the session. */
  readonly failureToLoad: unknown;
  /** The id from a cookie with a valid signature. */
  readonly browserId: string | undefined;
  /** An id with a valid signature whose record is expired or missing. */
  readonly overdueId: string | undefined;
  /** The app set `req.session = null`. */
  isUnset: boolean;
  /** A write of this request has extended the session. */
  isEndMoved: boolean;
  /** The store failed in a method that the app called. */
  hasStoreFailed: boolean;
  /** Methods that are running. */
  readonly pending: Set<Promise<unknown>>;
  /** Replaced sessions, with their data as JSON at that time. */
  readonly detached: Map<Core, string>;

  /** The signal that aborts when the session ends in any process. */
  signalOf(core: Core): AbortSignal;
  /** Reports a failed method that the app did not await. */
  noteUnawaited(error: unknown): void;
  /** `req.session = null`, or deleting it. */
  unsetSession(): void;
  /** Replaces the current session by a new one without data. The caller ends the old record. */
  startOver(): object;
  /** The session's cookie with the attributes for this request. */
  cookieOf(core: Core): SessionCookie;
  /** The JSON of the `cookie` part of a record. */
  cookieJson(core: Core, metadata: SessionMetadata): string;
  newId(): string;
  /** The device that sent the request. */
  device(): Device | undefined;
  /** The value that the session is bound to. */
  binding(): string | undefined;
}

/** What the methods of a session call. */
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
  /** express-session's `regenerate()`: ends the record now, and continues with a new session. */
  replace(core: Core): Promise<void>;
  /** Ends the record of a session, or the record of the session that it was to take the place of. */
  endRecord(core: Core): Promise<void>;
}
