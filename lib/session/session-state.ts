import type { SessionMetadata } from '../record/session-metadata.js';

/**
 * `new`: not in the store. `stored`: in the store. `read-only`: nothing will be written, and no cookie set (the store failed, or the id
 * was replaced without a way on for the browser). `ended-here`: this request ended it. `ended-elsewhere`: somebody else did.
 */
export type SessionStatus = 'new' | 'stored' | 'read-only' | 'ended-here' | 'ended-elsewhere';

/** Why a session gets another id. */
export type IdChange = 'renew' | 'confirm' | 'login' | 'regenerate';

/** How a session comes to be a principal's, or comes under another id. `adopted`: the data named the principal before this request changed anything. */
export type Arrival = 'login' | 'confirmed' | 'derived' | 'adopted' | 'renewed';

/** Who logs in, or proves again who they are. */
export interface LoginClaim {
  readonly principal: string;
  readonly at: number;
  /** The keys that `login()` was given, beside `user` and `passport`. */
  readonly keys: readonly string[] | undefined;
  /** All that it was given: no conflict takes them away. */
  readonly given: readonly string[];
  /** The nonce of the principal's revocation mark as it stood then. */
  readonly mark: string;
  /** A life that an earlier request gave the session ends with this login. */
  readonly endsLife?: boolean | undefined;
}

/** The place that a session has taken among its principal's. */
export interface Admission {
  readonly principal: string;
  readonly handle: string;
  /** The nonce of the revocation mark that the session is held against from now on. */
  readonly mark: string;
  /** The login's number; `undefined` without a limit. */
  readonly number: number | undefined;
  /** The session is written, and counts by itself. */
  readonly isSettled?: true;
}

/** A record that is about to be written. */
export interface Draft {
  readonly text: string;
  /** The data; `''`: as it was read. */
  readonly json: string;
  readonly metadata: SessionMetadata;
  /** The `cookie` part of the text. */
  readonly cookie: string;
  /** How the session comes to be somebody's by this, if it does. */
  readonly arrival: Arrival | undefined;
  /** Whose session it was until now. */
  readonly voided: string | undefined;
  /** Of a login: the mark as it stood before. */
  readonly mark: string | undefined;
}
