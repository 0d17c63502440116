import type { SessionBus } from './session-bus.js';

/**
 * What a store keeps for one session.
 *
 * Stores treat `text` as opaque, apart from what their own on-disk format asks for; whether it can be
 * read is decided once, in the engine.
 */
export interface SessionRecord {
  /** The session as JSON text: `cookie` first, then the data, the engine's metadata last. */
  readonly text: string;
  /** When the session ends, in ms since the epoch. From then on `load` and `list` must not give it. */
  readonly expiresAt: number;
  /** Whose session it is. A store that can `list` indexes by it; a changed or absent value moves or ends the entry. */
  readonly principal?: string | undefined;
}

/**
 * The store's own mark of one version of a record: the text that was read, a hash, a row version.
 * Only the store that gave it looks inside.
 */
export type Revision = unknown;

/** A record as it was read. */
export interface StoredSession {
  /** The JSON text that was written, by us or by a peer that shares the format. */
  readonly text: string;
  /**
   * The store's own view of when the session ends, in ms since the epoch. A store leaves it out if a read doesn't show the time (a key's
   * time to live): then a record that it returns is alive.
   */
  readonly expiresAt?: number | undefined;
  /** Pass it to `replace` or `destroy` to name the version that you mean. */
  readonly revision: Revision;
}

/** A record that `list` found. */
export interface ListedSession extends StoredSession {
  /** The id under which the store keeps it. */
  readonly id: string;
  /**
   * Pass it to another `list` to continue after this record. Opaque; the store says how long it is valid. A store that reads in the order of
   * the ids puts the id in it, so it must not go to a browser: `SessionRegistry` encrypts its own cursors.
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
  /** Continues after the record that came with this cursor. */
  readonly cursor?: string | undefined;
  /**
   * Also records that are over by this process's clock, and still there: that clock may be wrong, and others may take them to be alive. A store
   * whose server ends records has none.
   */
  readonly overdue?: boolean | undefined;
  /**
   * A hint for the size of the batches that the store reads, not a bound.
   *
   * @defaultValue 100
   */
  readonly batch?: number | undefined;
}

/** `ok`: done. `conflict`: another version is there. `gone`: no live record is there. */
export type WriteResult = 'ok' | 'conflict' | 'gone';

/**
 * Where sessions live. Also the injection token: `constructor(private readonly store: SessionStore) {}`.
 *
 * Four methods are required. The others are optional, and the log says at start which of them a store lacks. A store throws only if the
 * system is broken: a `SessionStoreError` with its `cause`. A missing, expired or stale record is a result, not an error.
 *
 * An id is 1 to 256 visible ASCII characters. Times are the clock's (`Date.now()`), in ms.
 */
export abstract class SessionStore {
  /**
   * Stores a new record.
   *
   * @throws SessionStoreError with code `ID_TAKEN` when a live record has this id already: nothing was written.
   */
  abstract create(id: string, record: SessionRecord): Promise<void>;

  /** The live record, or `undefined` if it is missing, expired, or not in the store's format. */
  abstract load(id: string): Promise<StoredSession | undefined>;

  /**
   * Compare-and-swap: writes only if the live record is still the version that `revision` stands for.
   * On `conflict` and `gone` nothing was written. A record that is gone is never created again.
   */
  abstract replace(id: string, record: SessionRecord, revision: Revision): Promise<WriteResult>;

  /**
   * Ends a session. With a revision: only that version (`conflict` if another version is stored). Without: whatever
   * is there, also if it is over by this process's clock, which may be wrong. `gone` when nothing live was: ending twice is no error.
   */
  abstract destroy(id: string, revision?: Revision): Promise<WriteResult>;

  /**
   * `load` without a promise, for a store that has the answer in memory: it returns the same result, or throws the same error. A request then
   * continues in the turn of the event loop in which it came. Don't use it for anything that may block longer than reading a small file.
   */
  loadNow?(id: string): StoredSession | undefined;

  /**
   * Live sessions, each once, in no promised order; those of one principal without reading the others'.
   * A session that comes or goes while the list is read may or may not be in it.
   */
  list?(query?: ListQuery): AsyncIterable<ListedSession>;

  /** How many live sessions there are: all, or those of one principal. */
  count?(query?: { readonly principal?: string | undefined }): Promise<number>;

  /** Ends all sessions. */
  clear?(): Promise<void>;

  /** Removes expired records; returns how many. A store whose server removes them returns 0. */
  prune?(): Promise<number>;

  /** Carries word of ended sessions between the processes that share this store. Called once an app; `close()` ends what it opened. */
  bus?(): SessionBus | undefined;

  /** Opens what the store needs, and checks that it answers. Each app calls it before its first request, and again after `close()`. */
  open?(): Promise<void>;

  /** Closes what the store itself opened, never a client that it was given. May be called twice. If several apps share a store, the last one calls it. */
  close?(): Promise<void>;
}

/** The capabilities that a store may lack. */
export type StoreCapability = 'list' | 'count' | 'clear' | 'prune';
