import type { RecordToWrite } from '../record/record-text.js';

/**
 * - `new`: not in the store.
 * - `stored`: in the store.
 * - `read-only`: not written, and no cookie is set. The store failed, or the id was replaced and the browser can't
 *   follow.
 * - `ended-here`: this request ended it.
 * - `ended-elsewhere`: another request ended it, or it expired.
 */
export type SessionStatus = 'new' | 'stored' | 'read-only' | 'ended-here' | 'ended-elsewhere';

/** Why a session gets another id. */
export type IdChange = 'renew' | 'confirm' | 'login' | 'regenerate';

/**
 * How a session becomes a principal's, or gets another id. `adopted`: the data named the principal before this request
 * changed them.
 */
export type Arrival = 'login' | 'confirmed' | 'derived' | 'adopted' | 'renewed';

/** A `login()` or `confirmLogin()` that the next write completes. */
export interface LoginClaim {
  readonly principal: string;
  readonly at: number;
  /** The keys that `login()` was given, in addition to `user` and `passport`. */
  readonly keys: readonly string[] | undefined;
  /** All keys that it was given. They win each conflict. */
  readonly given: readonly string[];
  /** The nonce of the principal's revocation mark when the login began. */
  readonly mark: string;
  /** The login drops a lifetime that an earlier request set. */
  readonly endsLife?: boolean | undefined;
}

/** The place of a session among its principal's sessions. */
export interface Admission {
  readonly principal: string;
  readonly handle: string;
  /** The nonce of the revocation mark that the session stores. */
  readonly mark: string;
  /** The login's number; `undefined` without a limit. */
  readonly number: number | undefined;
  /** The session is written, and counts by itself. */
  readonly isSettled?: true;
}

/** A session's record that is about to be written. */
export interface Draft extends RecordToWrite {
  /** The JSON of the data; `''`: as they were read. */
  readonly json: string;
  /** How this write makes the session a principal's, if it does. */
  readonly arrival: Arrival | undefined;
  /** The principal whose login this write voids. */
  readonly voided: string | undefined;
  /** Of a login: the nonce of the revocation mark when it began. */
  readonly mark: string | undefined;
}
