import type { SessionBus } from './session-bus.js';

/**
 * What a store keeps for one session.
 *
 * Stores treat `text` as opaque, apart from what their own on-disk format asks for; whether it can be
 * read is decided once, in the engine.
 */
export interface SessionRecord {
  /** The session as JSON text: `cookie` first, then the data, the engine's facts last. */
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
   * The store's own view of when the session ends, in ms since the epoch. Left out by a store that keeps
   * the time where a read doesn't show it (a key's time to live): that it gave the record says it is alive.
   */
  readonly expiresAt?: number | undefined;
  /** Hand it to `replace` or `destroy` to say which version is meant. */
  readonly revision: Revision;
}

/** A record that `list` came upon. */
export interface ListedSession extends StoredSession {
  /** The id under which the store keeps it. */
  readonly id: string;
  /**
   * Hand it to another `list` to go on after this record. Opaque, and good for as long as the store says. That of a store that reads
   * in the order of the ids holds the id: what goes to a browser is `SessionRegistry`'s, which is sealed.
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
  /** Go on after the record that came with this cursor. */
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
 * Four methods are required; the capabilities below them are optional for third-party stores, and what a
 * store lacks is said once at start. Errors are for broken systems only, thrown as `SessionStoreError` with
 * the `cause`; missing, expired and stale are results.
 *
 * An id is 1 to 256 visible ASCII characters. Times are the clock's (`Date.now()`), in ms.
 */
export abstract class SessionStore {
  /**
   * Keeps a new record.
   *
   * @throws SessionStoreError with code `ID_TAKEN` when a live record has this id already: nothing was written.
   */
  abstract create(id: string, record: SessionRecord): Promise<void>;

  /** The live record, or `undefined` where it is missing, expired, or not in the store's format. */
  abstract load(id: string): Promise<StoredSession | undefined>;

  /**
   * Compare-and-swap: writes only where the live record still is the version that `revision` stands for.
   * On `conflict` and `gone` nothing was written. A record that is gone is never made again.
   */
  abstract replace(id: string, record: SessionRecord, revision: Revision): Promise<WriteResult>;

  /**
   * Ends a session. With a revision: only that version (`conflict` where another is there). Without: whatever
   * is there, also if it is over by this process's clock, which may be wrong. `gone` when nothing live was: ending twice is no error.
   */
  abstract destroy(id: string, revision?: Revision): Promise<WriteResult>;

  /**
   * `load` for a store that has the answer at hand: the same result, or the same error thrown, at once. A request then goes on in the turn in
   * which it came, which saves more than the promise. Not for what may block longer than a small file takes to read.
   */
  loadNow?(id: string): StoredSession | undefined;

  /**
   * Live sessions, each once, in no promised order; those of one principal without reading the others'.
   * A session that comes or goes while the list is read may or may not be in it.
   */
  list?(query?: ListQuery): AsyncIterable<ListedSession>;

  /** How many live sessions there are; of one principal where it is named. */
  count?(query?: { readonly principal?: string | undefined }): Promise<number>;

  /** Ends all sessions. */
  clear?(): Promise<void>;

  /** Removes what has expired and still takes room; gives how many. For stores whose server does it: 0. */
  prune?(): Promise<number>;

  /** Carries word of ended sessions between the processes that share this store. Called once an app; `close()` ends what it opened. */
  bus?(): SessionBus | undefined;

  /** Opens what the store needs and makes sure that it answers. Called by each app that uses it, before its first request; also again after `close()`. */
  open?(): Promise<void>;

  /** Frees what the store itself opened (never a client that it was given). Safe to call twice. Of several apps that share a store the last one calls it. */
  close?(): Promise<void>;
}

/** The capabilities that a store may lack. */
export type StoreCapability = 'list' | 'count' | 'clear' | 'prune';
