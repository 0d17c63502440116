/** The device that uses a session, for a list of devices. */
export interface Device {
  /** The User-Agent header, at most 256 characters. */
  readonly userAgent?: string | undefined;
  /** The client's address, as the framework determines it by its trust-proxy setting. */
  readonly ip?: string | undefined;
}

/** What the engine stores about a session, apart from the app's data. Times are ms since the epoch. */
export interface SessionMetadata {
  createdAt: number;
  /** When a request last used the session, exact to `touchInterval`. */
  seenAt: number;
  expiresAt: number;
  /** The public name of the session. It is no secret, and stays the same when the id changes. */
  handle: string;
  /** Marks the write, so that a writer whose reply was lost recognises its own write. */
  nonce: string;
  /** The nonces of the latest earlier writes by other writers. */
  earlierNonces?: readonly string[] | undefined;
  /** When the current id was created, if not at `createdAt`. */
  idSince?: number | undefined;
  principal?: string | undefined;
  /** The principal until the login was voided, because the data that it rested on were changed or deleted. */
  formerPrincipal?: string | undefined;
  authenticatedAt?: number | undefined;
  /** When this principal was first seen on the session, if there was no `login()`, and not at `createdAt`. */
  principalSince?: number | undefined;
  /** Of the data that the login rests on. */
  loginFingerprint?: string | undefined;
  /** The keys that `login()` was given, in addition to `user` and `passport`. */
  loginKeys?: readonly string[] | undefined;
  /** The nonce of the principal's revocation mark when the login began; `''`: there was no mark. */
  revocationNonce?: string | undefined;
  device?: Device | undefined;
  /** Cookie attributes that the app set on this session. */
  cookieOverrides?: Record<string, unknown> | undefined;
  /** The value that the session is bound to (`bindTo`). */
  binding?: string | undefined;
  schemaVersion?: number | undefined;
  /**
   * The number that the principal's record gave to the login; later logins have higher ones. In a principal's record:
   * the last number.
   */
  loginNumber?: number | undefined;
  /**
   * The record is to replace another one, which did not name it when it was written. Until its next write it counts
   * towards `maxSessionsPerPrincipal` only if a replaced record leads to it.
   */
  isPending?: boolean | undefined;
  /**
   * Only in a principal's record: the time of the last `revokeAll()`, which ended all earlier sessions but the one in
   * `handle`. `nonce` changes with the next `revokeAll()`.
   */
  revokedUntil?: number | undefined;
  /** Only in a principal's record: logins that are under way. */
  places?: readonly Place[] | undefined;
  /** The session continues under another id. */
  replaced?: Replacement | undefined;
  /** Metadata of a later version of this library, as in the JSON. */
  others?: Record<string, unknown> | undefined;
}

/** The place that a login takes among its principal's sessions, until the session is written and counts by itself. */
export interface Place {
  /** The login's number. */
  readonly number: number;
  /** The session's handle. */
  readonly handle: string;
  /** When the login must be complete, in ms since the epoch; 0: it failed, or a newer login took its place. */
  readonly until: number;
  /** The session existed before the login, and stays even if the login is not completed in time. */
  readonly isInPlace?: boolean | undefined;
}

/** The part of the metadata that only a replaced record has. */
export interface Replacement {
  /** Until when the old id is known, in ms since the epoch. */
  readonly until: number;
  /**
   * The new id for a browser that has the old one, encrypted under a key derived from the old id. Missing: the browser
   * can't follow.
   */
  clientLink?: string | undefined;
  /**
   * The new id for the server, encrypted under a key derived from the secret. Logout and revocation follow it; a client
   * can't.
   */
  readonly serverLink?: string | undefined;
  /** Version 0.1, with `hashIds`: the new id's hash. */
  readonly nextKey?: string | undefined;
}

/** Whether a session may be ended. Since it was found, it may have become another principal's. */
export type MayEnd = (metadata: SessionMetadata | undefined) => boolean;

/**
 * Ends a session only if it is still this principal's. With a handle: only if it still has that, and is not the session
 * of a login that has replaced it.
 */
export const isOf =
  (principal: string | undefined, handle?: string): MayEnd =>
  (metadata) =>
    metadata?.principal === principal && (handle === undefined || metadata?.handle === handle);
