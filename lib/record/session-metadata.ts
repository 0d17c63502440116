/** Where a session is in use: for "your devices". */
export interface Device {
  /** The User-Agent header, at most 256 characters. */
  readonly userAgent?: string | undefined;
  /** The client's address as the framework sees it behind its trust-proxy setting. */
  readonly ip?: string | undefined;
}

/** What the engine knows of a session, apart from the app's data. Times are ms since the epoch. */
export interface SessionMetadata {
  createdAt: number;
  /** As exact as `touchInterval`. */
  seenAt: number;
  expiresAt: number;
  /** Names the session for people: the same under each of its ids, and opens nothing. */
  handle: string;
  /** Marks the write, so that a writer whose reply was lost finds its own. */
  nonce: string;
  /** Nonces of the latest writes before it, by others. */
  earlierNonces?: readonly string[] | undefined;
  /** When this id was given out, where that isn't `createdAt`. */
  idSince?: number | undefined;
  principal?: string | undefined;
  /** Whose session it was until it came to be nobody's, as what the login stood on was changed or deleted. */
  formerPrincipal?: string | undefined;
  authenticatedAt?: number | undefined;
  /** Since when the session is its principal's, where no login says so and it isn't `createdAt`. */
  principalSince?: number | undefined;
  /** Of the data that the principal was logged in with. */
  loginFingerprint?: string | undefined;
  /** The keys that `login()` was given, beside `user` and `passport`. */
  loginKeys?: readonly string[] | undefined;
  /** Nonce of the principal's revocation mark as it stood before the login; `''`: there was none. */
  revocationNonce?: string | undefined;
  device?: Device | undefined;
  /** Cookie attributes that the app set on this very session. */
  cookieOverrides?: Record<string, unknown> | undefined;
  /** What the session is bound to (`bindTo`). */
  binding?: string | undefined;
  schemaVersion?: number | undefined;
  /** The number that the login took from its principal's record: a later login has a higher one. Of a principal's record: the last number. */
  loginNumber?: number | undefined;
  /**
   * No session but a principal's record: its sessions up to this time have ended, all but the one whose handle is `handle`. `nonce` stays
   * until the next `revokeAll()`.
   */
  revokedUntil?: number | undefined;
  /** Of a principal's record: logins that are under way. */
  places?: readonly Place[] | undefined;
  /** The session has gone on under another id. */
  replaced?: Replacement | undefined;
  /** What a later version of this library has put beside these, as it stands in the JSON. */
  others?: Record<string, unknown> | undefined;
}

/** The place among a principal's sessions that a login has taken, until its session is written and counts by itself. */
export interface Place {
  /** The login's number. */
  readonly number: number;
  /** The session's handle. */
  readonly handle: string;
  /** Until when the login has to be done, in ms since the epoch; 0: it failed, or a newer login has taken its place. */
  readonly until: number;
  /** The session was there before, and stays also if the login is not done in time. */
  readonly isInPlace?: boolean | undefined;
}

/** What the record of a replaced id says. */
export interface Replacement {
  /** Until when the old id is known, in ms since the epoch. */
  readonly until: number;
  /** The new id for the browser that holds the old one: encrypted under a key derived from that. Absent: no way on for the browser. */
  clientLink?: string | undefined;
  /** The new id for the server: encrypted under a key derived from the secret. Logout and revocation follow it, the holder of the old id can't. */
  readonly serverLink?: string | undefined;
  /** Version 0.1, with `hashIds`: the new id's hash. */
  readonly nextKey?: string | undefined;
}

/** Whether a session may be ended: since it was found, its record may have become another's. */
export type MayEnd = (metadata: SessionMetadata | undefined) => boolean;

/** Ends it only if it is still this principal's. */
export const isOf =
  (principal: string | undefined): MayEnd =>
  (metadata) =>
    metadata?.principal === principal;
