import { randomBytes } from 'node:crypto';
import type { Collection, Filter, FindOptions } from 'mongodb';
import type { Clock } from '../clock.js';
import { idTaken } from '../session-store.error.js';
import type { Revision, StoredSession, WriteResult } from '../session-store.js';
import { serverCode } from './mongo-errors.js';
import { principalOf, type SessionDocument, type SessionValue, textOf } from './session-document.js';

/** Independent of the client's options: plain values, from the primary, and no error for text that is not UTF-8. */
const READ: FindOptions = {
  readPreference: 'primary',
  promoteValues: true,
  promoteLongs: true,
  promoteBuffers: false,
  useBigInt64: false,
  raw: false,
  enableUtf8Validation: false,
};
const WRITE = { ignoreUndefined: true, serializeFunctions: false } as const;

/** The server's error code if the `_id` exists. */
const DUPLICATE = 11_000;

/** The fields of a document that a write sets. */
export type SessionFields = Required<Pick<SessionDocument, 'session' | 'expires' | 'keycard'>>;

/** What was read. All of it is compared, as a write of connect-mongo only changes the session. */
export class MongoRevision {
  constructor(
    readonly session: SessionValue,
    readonly rev: string | undefined,
  ) {}
}

/** A document as a record; `undefined` if it contains no session. */
export function storedSession(document: SessionDocument): StoredSession | undefined {
  const text = textOf(document);
  if (text === undefined) return undefined;
  const revision = new MongoRevision(document.session as SessionValue, document.keycard?.rev);
  return { text, expiresAt: document.expires?.getTime(), revision };
}

/** The `keycard` field of a write. */
export function keycardOf(
  principal: string | undefined,
  rev: string = randomBytes(9).toString('base64url'),
): { p?: string; rev: string } {
  return principal === undefined ? { rev } : { p: principal, rev };
}

/** The operations on the collection. Each compares and writes in one step. */
export class SessionCollection {
  constructor(
    readonly documents: Collection<SessionDocument>,
    private readonly clock: Clock,
  ) {}

  async find(id: string, overdue = false): Promise<SessionDocument | undefined> {
    const document = await this.documents.findOne({ _id: String(id), ...this.shown(overdue) }, READ as object);
    // With a collation, the collection may return another id for this one.
    return document?._id === id ? document : undefined;
  }

  /** The documents after an id, in the order of the ids. */
  page(
    principal: string | undefined,
    after: string,
    limit: number,
    overdue: boolean | undefined,
  ): Promise<SessionDocument[]> {
    const owned = principal === undefined ? {} : { 'keycard.p': String(principal) };
    const options = { ...READ, sort: { _id: 1 }, limit, batchSize: limit + 1 } as const;
    return this.documents.find({ ...owned, _id: { $gt: after }, ...this.shown(overdue) }, options).toArray();
  }

  count(): Promise<number> {
    return this.documents.countDocuments({ _id: { $gt: '' }, ...this.live() }, { readPreference: 'primary' });
  }

  /** @throws SessionStoreError with code `ID_TAKEN`. */
  async insert(id: string, fields: SessionFields): Promise<void> {
    try {
      await this.documents.insertOne({ _id: String(id), ...fields }, WRITE);
    } catch (error) {
      if (serverCode(error) !== DUPLICATE) throw error;
      const resent = await this.find(id);
      if (resent !== undefined && textOf(resent) === textOf({ _id: id, ...fields })) return;
      if (resent === undefined && (await this.replaceExpired(id, fields))) return;
      throw idTaken();
    }
  }

  /** Changes fields of the version that was read. */
  update(id: string, fields: Partial<SessionFields>, revision: Revision): Promise<WriteResult> {
    return this.swap(id, revision, async (filter) => {
      const { modifiedCount } = await this.documents.updateOne(filter, { $set: fields }, WRITE);
      return modifiedCount === 1;
    });
  }

  /** Removes the version that was read, or any version. */
  async remove(id: string, revision?: Revision): Promise<WriteResult> {
    const deleted = async (filter: Filter<SessionDocument>) =>
      (await this.documents.deleteOne(filter)).deletedCount === 1;
    const remove = async (overdue: boolean): Promise<WriteResult> => {
      if (revision !== undefined) return this.swap(id, revision, deleted, overdue);
      return (await deleted({ _id: String(id), ...this.shown(overdue) })) ? 'ok' : 'gone';
    };
    const result = await remove(false);
    if (result !== 'gone') return result;
    // A session that is expired by this process's clock may be live by others'.
    return (await remove(true)) === 'conflict' ? 'conflict' : 'gone';
  }

  /** Updates the `keycard` field of a document that connect-mongo has changed or copied. */
  async mark(document: SessionDocument): Promise<void> {
    const revision = storedSession(document)?.revision;
    const keycard = keycardOf(principalOf(document), document.keycard?.rev);
    await this.update(document._id, { keycard }, revision);
  }

  /** Removes expired sessions. */
  async prune(): Promise<number> {
    return (await this.documents.deleteMany({ expires: { $lte: new Date(this.clock.now()) } })).deletedCount;
  }

  async clear(): Promise<void> {
    await this.documents.deleteMany({});
  }

  private async swap(
    id: string,
    revision: Revision,
    write: (filter: Filter<SessionDocument>) => Promise<boolean>,
    overdue = false,
  ): Promise<WriteResult> {
    if (!(revision instanceof MongoRevision)) return (await this.find(id, overdue)) ? 'conflict' : 'gone';
    const { session, rev } = revision;
    const only = { _id: String(id), ...this.shown(overdue) };
    if (await write({ ...only, session: { $eq: session } })) return 'ok';
    const state = await this.stateOf(id, revision, overdue);
    if (state !== 'same') return state;
    // The server may not consider the driver's result equal to its own value: it reorders numeric keys, and rounds
    // integers beyond 2^53.
    return (await write({ ...only, 'keycard.rev': rev === undefined ? { $exists: false } : { $eq: rev } }))
      ? 'ok'
      : 'conflict';
  }

  private async stateOf(id: string, revision: MongoRevision, overdue: boolean): Promise<'same' | 'conflict' | 'gone'> {
    const document = await this.find(id, overdue);
    if (!document) return 'gone';
    const sameText = textOf(document) === textOf({ _id: id, session: revision.session });
    return sameText && document.keycard?.rev === revision.rev ? 'same' : 'conflict';
  }

  private async replaceExpired(id: string, fields: SessionFields): Promise<boolean> {
    const expired = { _id: String(id), expires: { $lte: new Date(this.clock.now()) } };
    return (await this.documents.replaceOne(expired, fields, WRITE)).modifiedCount === 1;
  }

  /**
   * Filters live sessions. Without `expires` a session never expires. A value that is no date is no session, as in
   * connect-mongo.
   */
  private live(): { $or: object[] } {
    return { $or: [{ expires: { $exists: false } }, { expires: { $gt: new Date(this.clock.now()) } }] };
  }

  /** Which documents are looked at: those that are over by this process's clock, or not. */
  private shown(overdue: boolean | undefined): object {
    return overdue === true ? {} : this.live();
  }
}
