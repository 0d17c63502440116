import { createHash } from 'node:crypto';
import { isStoreError, SessionStoreError } from '../stores/session-store.error.js';
import type { ListQuery, Revision, SessionStore, StoredSession, WriteResult } from '../stores/session-store.js';
import { SessionDataError } from '../common/errors.js';
import { wordsOf } from '../common/scrubbed-error.js';
import { LogLimit } from '../common/log-limit.js';
import { RecordCipher } from './record-cipher.js';
import { ParsedRecord, type RecordToWrite } from './record-text.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { SessionEvents } from '../common/session-events.js';
import { callInTime, type Outcome } from './store-timer.js';
import { withNow } from './with-now.js';

/** How many unreadable records are remembered, so that each is logged once. */
const MOST_REMEMBERED = 1_000;

/** A live, readable record. */
export interface LoadedRecord {
  /** The key under which the store keeps it: the id, or its hash with `hashIds`. */
  readonly key: string;
  readonly record: ParsedRecord;
  readonly revision: Revision;
}

/** Receives the result of reading a record. */
export interface RecordReader {
  loaded(record: LoadedRecord | undefined): void;
  failed(error: SessionStoreError | Error): void;
}

/** A listed record, with the cursor from which the list continues. */
export interface ListedRecord extends LoadedRecord {
  readonly cursor: string;
}

/**
 * The store as the engine uses it. Calls have a time limit and fail with one kind of error. Ids are hashed and texts
 * encrypted, if the options say so. Unreadable records are left alone.
 */
export class SessionRecords {
  private readonly loadWithNow: SessionStore['load'] | undefined;
  private readonly replaceWithNow: SessionStore['replace'] | undefined;
  private readonly cipher: RecordCipher | undefined;
  private readonly limit = new LogLimit();
  private readonly unreadableKeys = new Set<string>();
  /** Whether only this package writes sessions: express-session can't find hashed ids, or read encrypted text. */
  private readonly onlyOurs: boolean;

  constructor(
    readonly store: SessionStore,
    private readonly options: ResolvedOptions,
    private readonly events: SessionEvents,
  ) {
    this.cipher = options.encryption && new RecordCipher(options.encryption);
    this.onlyOurs = this.cipher !== undefined || (options.hashIds && !('compareAndSwap' in store));
    this.loadWithNow = withNow(store, 'load');
    this.replaceWithNow = withNow(store, 'replace');
  }

  /** The store's key for an id. */
  key(id: string): string {
    return this.options.hashIds ? createHash('sha256').update(id).digest('base64url') : id;
  }

  /**
   * Loads a record for a request. Every request makes this call, so it creates no promise in addition to the store's.
   * `reader` is called once, with the record or the error.
   */
  read(key: string, reader: RecordReader): void {
    if (this.store.load === this.loadWithNow) {
      this.readNow(key, reader);
      return;
    }
    this.callInTime(() => this.store.load(key), {
      answered: (stored) => reader.loaded(stored === undefined ? undefined : this.parse(key, stored)),
      failed: (error) => reader.failed(asStoreError(error)),
    });
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

  /** Like `load`, even if the record is expired by this process's clock, which may be wrong. */
  async loadToEnd(key: string): Promise<LoadedRecord | undefined> {
    const stored = await this.call(() => this.store.load(key, true));
    return stored === undefined ? undefined : this.parseAny(key, stored);
  }

  /** Writes a new record. */
  async create(key: string, record: RecordToWrite): Promise<void> {
    const packed = this.pack(key, record);
    await this.call(() => this.store.create(key, packed));
  }

  replace(key: string, record: RecordToWrite, revision: Revision): Promise<WriteResult> {
    const packed = this.pack(key, record);
    return this.call(() => this.store.replace(key, packed, revision));
  }

  /** `replace` without a promise; `undefined` if the store needs one. Errors are the store's own. */
  replaceNow(key: string, record: RecordToWrite, revision: Revision): WriteResult | undefined {
    if (this.store.replace !== this.replaceWithNow) return undefined;
    return this.store.replaceNow!(key, this.pack(key, record), revision);
  }

  /** Ends a record that the store doesn't return, as its own clock may be wrong. Leaves an unreadable record alone. */
  async destroyHidden(key: string): Promise<WriteResult> {
    const stored = await this.call(() => this.store.load(key, true));
    return stored === undefined ? this.destroy(key) : 'conflict';
  }

  destroy(key: string, revision?: Revision): Promise<WriteResult> {
    return this.call(() => this.store.destroy(key, revision));
  }

  get canList(): boolean {
    return typeof this.store.list === 'function';
  }

  /** Live readable records, of one principal if `query` names one. Unreadable records are left out. */
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
        // Not awaited, as a list that hangs would never return.
        void Promise.resolve(iterator.return?.()).catch(() => undefined);
      }
    }
  }

  /** The keys that a principal's record may have, the current one first. The dot keeps them apart from ids. */
  markKeys(principal: string): readonly string[] {
    const plain = (name: string): string => `keycard.${createHash('sha256').update(name).digest('base64url')}`;
    return this.cipher === undefined ? [plain(principal)] : this.cipher.principalNames(principal).map(plain);
  }

  /** The names by which the store knows a principal. */
  private principalNames(principal: string | undefined): readonly (string | undefined)[] {
    return principal === undefined || this.cipher === undefined ? [principal] : this.cipher.principalNames(principal);
  }

  private parse(key: string, stored: StoredSession): LoadedRecord | undefined {
    if (stored.expiresAt !== undefined && this.isOver(stored.expiresAt)) return this.expired(key);
    const loaded = this.parseAny(key, stored);
    // express-session's touch changes the store's expiry only, so the metadata count if only this package writes.
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
      text === undefined
        ? 'it is not encrypted with one of the encryption keys'
        : ParsedRecord.read(text, this.options.maxRecordBytes);
    if (typeof record === 'string') {
      this.unreadable(key, record);
      return undefined;
    }
    return { key, record, revision: stored.revision };
  }

  /** Logs, once for each record, that it can't be read. The record stays as it is; the browser gets a new id. */
  unreadable(key: string, reason: string): void {
    if (!this.unreadableKeys.has(key) && this.limit.allows(reason)) {
      if (this.unreadableKeys.size >= MOST_REMEMBERED) this.unreadableKeys.clear();
      this.unreadableKeys.add(key);
      this.options.logger.warn(
        `A session record can't be read (${reason}). The record stays as it is, and the browser gets a new session.`,
      );
    }
    this.events.emit('loaded-invalid', key, { reason: 'unreadable' });
  }

  private pack(key: string, { text, metadata, cookie }: RecordToWrite) {
    // A text of n characters has between n and 3n bytes, so bytes are only counted near the limit.
    const limit = this.options.maxRecordBytes;
    if (text.length > limit || (text.length * 3 > limit && Buffer.byteLength(text) > limit)) {
      throw new SessionDataError(
        'TOO_LARGE',
        `The session takes ${Buffer.byteLength(text)} bytes, more than "maxRecordBytes" (${limit}). Nothing was saved. Keep large values elsewhere, and only their ids in the session.`,
      );
    }
    if (this.cipher === undefined) return { text, expiresAt: metadata.expiresAt, principal: metadata.principal };
    const principal = metadata.principal === undefined ? undefined : this.cipher.principalNames(metadata.principal)[0];
    return { text: this.cipher.encrypt(key, text, metadata, cookie), expiresAt: metadata.expiresAt, principal };
  }

  /** Makes a store call with a time limit. All errors are `SessionStoreError`s. */
  private call<T>(run: () => Promise<T>): Promise<T> {
    return new Promise<T>((answered, reject) =>
      this.callInTime(run, { answered, failed: (error) => reject(asStoreError(error)) }),
    );
  }

  private callInTime<T>(run: () => Promise<T>, outcome: Outcome<T>): void {
    const { storeTimeoutMs: ms } = this.options;
    callInTime(ms, run, () => timedOut(ms), outcome);
  }
}

const timedOut = (ms: number): SessionStoreError =>
  new SessionStoreError('TIMEOUT', `The session store didn't answer within ${ms} ms ("storeTimeout").`);

function asStoreError(error: unknown): SessionStoreError {
  if (isStoreError(error)) return error;
  return new SessionStoreError(
    'UNAVAILABLE',
    `The session store failed: ${wordsOf(error instanceof Error ? error.message : error)}`,
    { cause: error },
  );
}
