import { hasMethods } from '../common/has-methods.js';
import type { SessionBus } from './session-bus.js';

/**
 * What a store keeps for one session.
 *
 * A store treats `text` as opaque, unless its storage format needs its parts. Whether it is readable is decided by the
 * engine only.
 */
export interface SessionRecord {
  /** The session as JSON text: `cookie` first, then the data, then the engine's metadata. */
  readonly text: string;
  /** When the session expires, in ms since the epoch. From then on `load` and `list` must not return it. */
  readonly expiresAt: number;
  /**
   * The principal. A store that has `list` keeps an index by it. `replace` with another value, or none, changes the
   * index.
   */
  readonly principal?: string | undefined;
}

/**
 * Identifies one version of a record: the text that was read, a hash, or a row version. Only the store that made it
 * interprets it.
 */
export type Revision = unknown;

/** A record that was read. */
export interface StoredSession {
  /** The JSON text as it was written, by this library or by express-session. */
  readonly text: string;
  /**
   * When the session expires, in ms since the epoch, as far as the store knows. Left out by a store that can't tell (a
   * key with a time to live): then a record that it returns is live.
   */
  readonly expiresAt?: number | undefined;
  /** Pass it to `replace` or `destroy` to change only this version. */
  readonly revision: Revision;
}

/** A record that `list` returned. */
export interface ListedSession extends StoredSession {
  /** The id under which the store keeps the record. */
  readonly id: string;
  /**
   * Pass it to another `list` to continue after this record. Opaque; each store documents how long it is valid. It may
   * contain the id, so it must not be sent to a browser: `SessionRegistry` encrypts its own cursors.
   */
  readonly cursor: string;
}

/** What to list. */
export interface ListQuery {
  /**
   * Only sessions whose record was written with this principal.
   *
   * @defaultValue all sessions
   */
  readonly principal?: string | undefined;
  /** Continue after the record with this cursor. */
  readonly cursor?: string | undefined;
  /**
   * Also return records that are expired by this process's clock and not removed yet. The clock may be wrong, and other
   * processes may still accept them. A store whose server removes expired records has none.
   */
  readonly overdue?: boolean | undefined;
  /**
   * How many records the store should read at once. A hint, not a limit.
   *
   * @defaultValue 100
   */
  readonly batch?: number | undefined;
}

/** `ok`: written. `conflict`: another version is stored. `gone`: there is no live record. */
export type WriteResult = 'ok' | 'conflict' | 'gone';

/**
 * Stores sessions. This class is also the injection token: `constructor(private readonly store: SessionStore) {}`.
 *
 * Four methods are required. The others are optional, and a log line at start names the ones that a store lacks. A
 * store throws only if the system fails: a `SessionStoreError` with its `cause`. A missing, expired or outdated record
 * is a result, not an error.
 *
 * An id has 1 to 256 visible ASCII characters. Times are `Date.now()` of the store's clock, in ms.
 */
export abstract class SessionStore {
  /**
   * Stores a new record.
   *
   * @throws SessionStoreError with code `ID_TAKEN` if a live record already has this id. Nothing was written.
   */
  abstract create(id: string, record: SessionRecord): Promise<void>;

  /**
   * Returns the live record; `undefined` if it is missing, expired, or not in the store's format.
   *
   * @param overdue whether to return a record even if it is expired by this process's clock, which may be wrong, as
   * long as the store still has it. A store that doesn't use that clock can ignore it. Default: false.
   */
  abstract load(id: string, overdue?: boolean): Promise<StoredSession | undefined>;

  /**
   * Compare-and-swap: writes only if the live record is still the version of `revision`. With `conflict` and `gone`,
   * nothing was written: it never creates a record.
   */
  abstract replace(id: string, record: SessionRecord, revision: Revision): Promise<WriteResult>;

  /**
   * Ends a session, even if it is expired by this process's clock, which may be wrong. With a revision: only that
   * version (`conflict` if another one is stored). Without: any version. `gone` if there was no live record: ending a
   * session twice is no error.
   */
  abstract destroy(id: string, revision?: Revision): Promise<WriteResult>;

  /**
   * `load` without a promise, for a store that has the answer in memory: it returns the same result, or throws the same
   * error. A request then continues in the same turn of the event loop. Don't use it for anything that blocks longer
   * than reading a small file.
   */
  loadNow?(id: string): StoredSession | undefined;

  /**
   * `replace` without a promise, for a store that has its records in memory: it does the same and returns the same
   * result, or throws the same error. A response whose session was changed then doesn't have to be held. It must not
   * block, so it is not for files.
   */
  replaceNow?(id: string, record: SessionRecord, revision: Revision): WriteResult;

  /**
   * Lists live sessions, each once, in any order. With a principal it must not read the sessions of others. A session
   * that is created or ended while the list is read may be included or not.
   */
  list?(query?: ListQuery): AsyncIterable<ListedSession>;

  /** The number of live sessions: all, or those of one principal. */
  count?(query?: { readonly principal?: string | undefined }): Promise<number>;

  /** Ends all sessions. */
  clear?(): Promise<void>;

  /** Removes expired records; returns how many. A store whose server removes them returns 0. */
  prune?(): Promise<number>;

  /**
   * A bus that tells other processes with this store that a session has ended. Called once for each app; `close()`
   * closes it.
   */
  bus?(): SessionBus | undefined;

  /**
   * Prepares the store, and checks that it answers. Each app calls it before its first request, and again after
   * `close()`.
   */
  open?(): Promise<void>;

  /**
   * Closes what the store itself opened, never a client that it was given. May be called twice. If several apps share a
   * store, the last one calls it.
   */
  close?(): Promise<void>;
}

/** By its methods, as each of the two builds of this package has a class of its own. */
export const isSessionStore = (value: unknown): value is SessionStore =>
  hasMethods(value, 'create', 'load', 'replace', 'destroy');

/** The optional capabilities of a store. */
export type StoreCapability = 'list' | 'count' | 'clear' | 'prune';
