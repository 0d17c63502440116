import { within } from '../../common/deadline.js';
import { Pruner, warnOfFailedPrune } from '../pruner.js';
import { SessionStoreError } from '../session-store.error.js';
import { SessionStore } from '../session-store.js';
import type {
  ListedSession,
  ListQuery,
  Revision,
  SessionRecord,
  StoredSession,
  WriteResult,
} from '../session-store.js';
import { warnAs } from '../store-options.js';
import { makeIndexes } from './collection-setup.js';
import { MongoConnection } from './mongo-connection.js';
import { refusesDocument, storeErrorOf } from './mongo-errors.js';
import { type MongoStoreOptions, type ResolvedMongoOptions, resolveOptions } from './mongo-store.options.js';
import {
  keycardOf,
  MongoRevision,
  type SessionCollection,
  type SessionFields,
  storedSession,
} from './session-collection.js';
import { expiryOf, ownMetadata, principalOf, valueOf } from './session-document.js';

const warn = warnAs('KEYCARD_MONGO');

/**
 * Keeps sessions in MongoDB, in connect-mongo's format: one document for each session, and a TTL index that removes it.
 *
 * `replace` and `destroy` filter by the session that was read, so MongoDB compares and swaps in one step. Every method
 * throws `SessionStoreError`: `UNAVAILABLE`, `TIMEOUT`, `REFUSED`, `CLOSED`.
 */
export class MongoStore extends SessionStore {
  private readonly options: ResolvedMongoOptions;
  private readonly connection: MongoConnection;
  private readonly pruner: Pruner;

  /** @throws TypeError if an option can't be used: one sentence that names it. */
  constructor(options: MongoStoreOptions) {
    super();
    this.options = resolveOptions(options);
    this.connection = new MongoConnection(this.options);
    this.pruner = new Pruner(this.options.pruneIntervalMs, () => this.prune(), warnOfFailedPrune(warn));
  }

  /**
   * Checks that the server answers and that its updates are atomic, and creates the indexes. If the server can't create
   * a TTL index, a warning is logged once, and the store removes expired sessions itself.
   */
  override async open(): Promise<void> {
    await this.connection.reopen();
    const serverPrunes = await this.call(async ({ documents }) => {
      await this.connection.mustBeAtomic();
      return makeIndexes(documents, warn);
    });
    if (!serverPrunes && !this.connection.closed) this.pruner.start();
  }

  /** Closes the client if the store made it, or with `ownsClient`. */
  override async close(): Promise<void> {
    this.pruner.stop();
    await this.connection.close();
  }

  async create(id: string, record: SessionRecord): Promise<void> {
    await this.call((sessions) => this.writing(record, undefined, (fields) => sessions.insert(id, fields)));
  }

  async load(id: string, overdue = false): Promise<StoredSession | undefined> {
    return this.call(async (sessions) => {
      const document = await sessions.find(id, overdue);
      const stored = document && storedSession(document);
      // connect-mongo wrote this document for a session of ours, so it is not in the index yet.
      if (stored && !document.keycard && ownMetadata(document.session)?.principal) await sessions.mark(document);
      return stored;
    });
  }

  async replace(id: string, record: SessionRecord, revision: Revision): Promise<WriteResult> {
    const before = revision instanceof MongoRevision ? revision.session : undefined;
    return this.call((sessions) => this.writing(record, before, (fields) => sessions.update(id, fields, revision)));
  }

  async destroy(id: string, revision?: Revision): Promise<WriteResult> {
    return this.call((sessions) => sessions.remove(id, revision));
  }

  /** In the order of the ids, in which a cursor stays valid. */
  override async *list(query: ListQuery = {}): AsyncGenerator<ListedSession, void, undefined> {
    const { principal, overdue, batch = 100, cursor = '' } = query;
    const limit = Math.max(1, Math.trunc(batch));
    let after = cursor;
    for (;;) {
      const page = await this.call((sessions) => sessions.page(principal, after, limit, overdue));
      for (const document of page) {
        const stored = storedSession(document);
        if (stored === undefined) continue;
        const owner = principalOf(document);
        if (owner !== document.keycard?.p) await this.call((sessions) => sessions.mark(document));
        if (principal === undefined || owner === principal) yield { ...stored, id: document._id, cursor: document._id };
      }
      if (page.length < limit) return;
      after = page.at(-1)!._id;
    }
  }

  override async count({ principal }: { readonly principal?: string | undefined } = {}): Promise<number> {
    if (principal === undefined) return this.call((sessions) => sessions.count());
    let count = 0;
    for await (const _ of this.list({ principal })) count += 1;
    return count;
  }

  /** Deletes all sessions of the collection. */
  override async clear(): Promise<void> {
    await this.call((sessions) => sessions.clear());
  }

  /** Removes expired sessions without waiting for the server, which does so once a minute. */
  override async prune(): Promise<number> {
    return this.call((sessions) => sessions.prune());
  }

  /** Writes a record in the configured form, or as text if the server refuses the sub-document. */
  private async writing<T>(
    record: SessionRecord,
    before: unknown,
    write: (fields: SessionFields) => Promise<T>,
  ): Promise<T> {
    const { stringify, clock, ttlMs } = this.options;
    const expires = expiryOf(record, clock.now(), ttlMs);
    const fields = (session: unknown): SessionFields => ({ session, expires, keycard: keycardOf(record.principal) });
    const value = valueOf(record.text, stringify, before);
    try {
      return await write(fields(value));
    } catch (error) {
      if (value === record.text || !refusesDocument(error)) throw error;
      return write(fields(record.text));
    }
  }

  private async call<T>(act: (sessions: SessionCollection) => Promise<T>): Promise<T> {
    try {
      const { timeoutMs: ms } = this.options;
      // The driver's own limits don't end an operation on a server that hangs: it retries.
      return await within(ms, this.connection.sessions().then(act), () => {
        const { servers } = this.connection;
        const name = servers === undefined ? 'MongoDB' : `MongoDB at ${servers}`;
        return new SessionStoreError('TIMEOUT', `${name} didn't answer within ${ms} ms.`);
      });
    } catch (error) {
      throw storeErrorOf(error);
    }
  }
}
