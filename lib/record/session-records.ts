import { createHash } from 'node:crypto';
import { isStoreError, SessionStoreError } from '../stores/session-store.error.js';
import type { ListQuery, Revision, SessionStore, StoredSession, WriteResult } from '../stores/session-store.js';
import { SessionDataError } from '../common/errors.js';
import type { SessionMetadata } from './session-metadata.js';
import { wordsOf } from '../common/scrubbed-error.js';
import { LogLimit } from '../common/log-limit.js';
import { RecordCipher } from './record-cipher.js';
import { RecordText } from './record-text.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { SessionEvents } from '../common/session-events.js';
import { CallTimer, PendingCall } from './store-timer.js';

/** How many records that can't be read are remembered, so that each is said once. */
const MOST_REMEMBERED = 1_000;

/** A live, readable record. */
export interface LoadedRecord {
  /** The id under which the store keeps it. */
  readonly key: string;
  readonly record: RecordText;
  readonly revision: Revision;
}

/** Who waits for a record. */
export interface RecordReader {
  loaded(record: LoadedRecord | undefined): void;
  failed(error: SessionStoreError | Error): void;
}

/** A record of a list, with where to go on. */
export interface ListedRecord extends LoadedRecord {
  readonly cursor: string;
}

/**
 * The store as the engine uses it: calls bounded in time, errors of one kind, ids hashed and texts encrypted where asked, and what
 * can't be read left alone.
 */
export class SessionRecords {
  private readonly timer: CallTimer;
  private readonly loadWithNow: SessionStore['load'] | undefined;
  private readonly cipher: RecordCipher | undefined;
  private readonly limit = new LogLimit();
  private readonly unreadableKeys = new Set<string>();
  /** Whether nobody but this library writes sessions: a peer finds no hashed id, and reads no encrypted text. */
  private readonly onlyOurs: boolean;

  constructor(
    readonly store: SessionStore,
    private readonly options: ResolvedOptions,
    private readonly events: SessionEvents,
  ) {
    this.cipher = options.encryption && new RecordCipher(options.encryption);
    this.onlyOurs = this.cipher !== undefined || (options.hashIds && !('compareAndSwap' in store));
    this.loadWithNow = loadWithNow(store);
    this.timer = new CallTimer(
      options.storeTimeoutMs,
      () =>
        new SessionStoreError(
          'TIMEOUT',
          `The session store didn't answer within ${options.storeTimeoutMs} ms ("storeTimeout").`,
        ),
    );
  }

  /** The name under which the store keeps a session. */
  key(id: string): string {
    return this.options.hashIds ? createHash('sha256').update(id).digest('base64url') : id;
  }

  /**
   * Loads a record for a request, the one call that every request makes: no promise is made but the store's own. `reader` is told once, the
   * record or the error.
   */
  read(key: string, reader: RecordReader): void {
    if (this.store.load === this.loadWithNow) {
      this.readNow(key, reader);
      return;
    }
    let loading: Promise<StoredSession | undefined>;
    try {
      loading = this.store.load(key);
    } catch (error) {
      reader.failed(asStoreError(error));
      return;
    }
    const pending = new PendingRead(reader, this.timer);
    this.timer.add(pending);
    loading.then(
      (stored) => {
        if (pending.done) return;
        this.timer.remove(pending);
        pending.reader!.loaded(stored === undefined ? undefined : this.parse(key, stored));
      },
      (error: unknown) => {
        if (pending.done) return;
        this.timer.remove(pending);
        pending.reader!.failed(asStoreError(error));
      },
    );
  }

  private readNow(key: string, reader: RecordReader): void {
    let stored: StoredSession | undefined;
    try {
      stored = this.store.loadNow!(key);
    } catch (error) {
      reader.failed(asStoreError(error));
      return;
    }
    reader.loaded(stored === undefined ? undefined : this.parse(key, stored));
  }

  async load(key: string): Promise<LoadedRecord | undefined> {
    const stored = await this.call(() => this.store.load(key));
    return stored === undefined ? undefined : this.parse(key, stored);
  }

  /** The same, also if it is over by this process's clock: a process must not leave a session to others because its own clock, which may be wrong, takes it to be over. */
  async loadToEnd(key: string): Promise<LoadedRecord | undefined> {
    const stored = await this.call(() => this.store.load(key));
    return stored === undefined ? undefined : this.parseAny(key, stored);
  }

  /** Writes a new record. */
  async create(key: string, text: string, metadata: SessionMetadata, cookie: string): Promise<void> {
    const record = this.pack(key, text, metadata, cookie);
    await this.call(() => this.store.create(key, record));
  }

  replace(
    key: string,
    text: string,
    metadata: SessionMetadata,
    cookie: string,
    revision: Revision,
  ): Promise<WriteResult> {
    const record = this.pack(key, text, metadata, cookie);
    return this.call(() => this.store.replace(key, record, revision));
  }

  /** Ends what a store holds and doesn't show, as it takes it to be over. What can't be read is shown, and is left alone. */
  async destroyHidden(key: string): Promise<WriteResult> {
    const stored = await this.call(() => this.store.load(key));
    return stored === undefined ? this.destroy(key) : 'conflict';
  }

  destroy(key: string, revision?: Revision): Promise<WriteResult> {
    return this.call(() => this.store.destroy(key, revision));
  }

  /** Whether sessions can be listed. */
  get canList(): boolean {
    return typeof this.store.list === 'function';
  }

  /** Live readable records, those of one principal where it is named. What can't be read is passed over. */
  async *list(query: ListQuery, which: 'live' | 'expired too' = 'live'): AsyncGenerator<ListedRecord, void, void> {
    if (this.store.list === undefined) {
      throw new SessionStoreError(
        'REFUSED',
        `This session store (${this.store.constructor.name}) can't list sessions.`,
      );
    }
    for (const principal of this.principalNames(query.principal)) {
      const iterator = this.store
        .list({ ...query, principal, overdue: which === 'expired too' || undefined })
        [Symbol.asyncIterator]();
      try {
        for (;;) {
          const next = await this.call(() => iterator.next());
          if (next.done) break;
          const { id } = next.value;
          const read = which === 'live' ? this.parse(id, next.value) : this.parseAny(id, next.value);
          if (read !== undefined) yield { ...read, cursor: next.value.cursor };
        }
      } finally {
        // Not awaited: a list that hangs would be waited for without end.
        void Promise.resolve(iterator.return?.()).catch(() => undefined);
      }
    }
  }

  /** Under which keys a principal's not-before mark may be, today's first. No id of ours looks like one: a dot isn't base64url. */
  markKeys(principal: string): readonly string[] {
    const plain = (name: string): string => `keycard.${createHash('sha256').update(name).digest('base64url')}`;
    return this.cipher === undefined ? [plain(principal)] : this.cipher.principalNames(principal).map(plain);
  }

  /** What the store knows a principal by. */
  private principalNames(principal: string | undefined): readonly (string | undefined)[] {
    return principal === undefined || this.cipher === undefined ? [principal] : this.cipher.principalNames(principal);
  }

  private parse(key: string, stored: StoredSession): LoadedRecord | undefined {
    if (stored.expiresAt !== undefined && this.isOver(stored.expiresAt)) return this.expired(key);
    const loaded = this.parseAny(key, stored);
    // express-session's touch moves the store's end without the one inside, but not where only we write.
    const end = !this.onlyOurs ? undefined : loaded?.record.metadata?.expiresAt;
    return end !== undefined && this.isOver(end) ? this.expired(key) : loaded;
  }

  private isOver(end: number): boolean {
    return end <= this.options.clock.now();
  }

  private expired(key: string): undefined {
    this.events.emit('expired', key);
  }

  private parseAny(key: string, stored: StoredSession): LoadedRecord | undefined {
    const text = this.cipher === undefined ? stored.text : this.cipher.decrypt(key, stored.text);
    const record =
      text === undefined ? 'not encrypted with a key at hand' : RecordText.read(text, this.options.maxRecordBytes);
    if (typeof record === 'string') {
      this.unreadable(key, record);
      return undefined;
    }
    return { key, record, revision: stored.revision };
  }

  /** Says, once for each record, that it was passed over. It stays as it is; its holder gets a new id. */
  unreadable(key: string, reason: string): void {
    if (!this.unreadableKeys.has(key) && this.limit.allows(reason)) {
      if (this.unreadableKeys.size >= MOST_REMEMBERED) this.unreadableKeys.clear();
      this.unreadableKeys.add(key);
      this.options.logger.warn(
        `A session record can't be read (${reason}); it is left as it is, and its holder gets a new session.`,
      );
    }
    this.events.emit('loaded-invalid', key, { reason: 'unreadable' });
  }

  private pack(key: string, text: string, metadata: SessionMetadata, cookie: string) {
    // A record of n characters has at least n bytes: count only where it comes close.
    const limit = this.options.maxRecordBytes;
    if (text.length > limit || (text.length * 3 > limit && Buffer.byteLength(text) > limit)) {
      throw new SessionDataError(
        'TOO_LARGE',
        `The session takes ${Buffer.byteLength(text)} bytes, more than "maxRecordBytes" (${limit}). Nothing was saved; keep large values elsewhere and an id of them here.`,
      );
    }
    if (this.cipher === undefined) return { text, expiresAt: metadata.expiresAt, principal: metadata.principal };
    const principal = metadata.principal === undefined ? undefined : this.cipher.principalNames(metadata.principal)[0];
    return { text: this.cipher.encrypt(key, text, metadata, cookie), expiresAt: metadata.expiresAt, principal };
  }

  /** A store call that ends in bounded time, and fails as a `SessionStoreError`. */
  private call<T>(run: () => Promise<T>): Promise<T> {
    return this.timer.bound(run, asStoreError);
  }
}

class PendingRead extends PendingCall {
  /** A client that waits for its server keeps what a call holds; the request is let go of with the wait for it. */
  reader: RecordReader | undefined;

  constructor(
    reader: RecordReader,
    private readonly timer: CallTimer,
  ) {
    super();
    this.reader = reader;
  }

  expire(): void {
    const { reader } = this;
    this.reader = undefined;
    reader!.failed(this.timer.timedOut());
  }
}

function asStoreError(error: unknown): SessionStoreError {
  if (isStoreError(error)) return error;
  return new SessionStoreError(
    'UNAVAILABLE',
    `The session store failed: ${wordsOf(error instanceof Error ? error.message : error)}`,
    { cause: error },
  );
}

/** A store's `load`, where its `loadNow` stands for it: a `load` that was overridden or put in its place later says otherwise. */
function loadWithNow(store: SessionStore): SessionStore['load'] | undefined {
  for (let at: object | null = store; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (Object.hasOwn(at, 'loadNow')) return typeof store.loadNow === 'function' ? store.load : undefined;
    if (Object.hasOwn(at, 'load')) return undefined;
  }
  return undefined;
}
