import { emptyRecord, recordText } from '../record/record-text.js';
import { newNonce } from '../common/session-id.js';
import type { SessionMetadata } from '../record/session-metadata.js';
import type { LoadedRecord } from '../record/session-records.js';
import { isClosed } from '../stores/session-store.error.js';
import type { SessionCore } from '../session/session-core.js';
import type { IdChange } from '../session/session-state.js';
import type { Revision, WriteResult } from '../stores/session-store.js';
import type { Admissions } from './admissions.js';
import type { CommitServices } from './commit-services.js';
import type { NewRecords } from './new-records.js';
import type { RecordFinder } from './record-finder.js';
import type { SessionLinks } from './session-links.js';

/** How often an old record is checked if the store gave no answer to its replacement. */
const MOST_LOOKS = 20;

/** A record that is being replaced. */
export interface OldRecord {
  /** The record before the replacement. */
  readonly before: LoadedRecord;
  /** Its metadata; those of a new session if it has none. */
  readonly metadata: SessionMetadata;
  /** The metadata of the record that replaces it, under the same id. */
  readonly replaced: SessionMetadata;
}

/**
 * Swaps old records for small ones that name the new id, and restores a record if the change of its id, or a login by
 * data, fails.
 */
export class OldRecords {
  constructor(
    private readonly services: CommitServices,
    private readonly links: SessionLinks,
    private readonly finder: RecordFinder,
    private readonly newRecords: NewRecords,
    private readonly admissions: Admissions,
  ) {}

  of({ id, metadata, stored }: SessionCore, nextId: string, as: IdChange): OldRecord {
    const replaced = this.replacedBy(nextId, metadata, as === 'renew' ? id : undefined);
    return { before: stored!, metadata, replaced };
  }

  private replacedBy(nextId: string, metadata: SessionMetadata, oldId?: string): SessionMetadata {
    const now = this.services.now();
    return this.links.replaced(metadata, now, now + this.services.options.renewGraceMs, nextId, oldId);
  }

  /**
   * An error leaves open whether the swap was done, so it is tried a second time: at most one of the two can succeed.
   */
  async replace({ before: { key, revision }, replaced }: OldRecord): Promise<WriteResult> {
    const write = (): Promise<WriteResult> => this.write(key, replaced, revision);
    const result = await write().catch(write);
    return result === 'conflict' && (await this.wasOurs(key, replaced.nonce)) ? 'ok' : result;
  }

  /**
   * express-session reads the replaced record as an empty session whose cookie expires at the end of the grace time.
   */
  private write(key: string, metadata: SessionMetadata, revision: Revision): Promise<WriteResult> {
    return this.services.records.replace(key, emptyRecord(metadata, metadata.replaced!.until), revision);
  }

  /**
   * For a session that goes on without the record of an old id: that id leads nowhere from now on. `bringBack` restores
   * no record that was written since. One that was restored already (perhaps hidden by a clock that is wrong, or renewed
   * by another request) is replaced after all.
   */
  async pin(id: string, nextId: string): Promise<void> {
    const { records, notices, events } = this.services;
    const key = records.key(id);
    try {
      for (let attempt = 0; attempt < MOST_LOOKS; attempt += 1) {
        const found = await records.loadToEnd(key);
        const metadata = found?.record.metadata;
        if (metadata === undefined) return;
        const live = metadata.replaced === undefined ? found : await this.renewedFrom(id, found!);
        const at = live ?? found!;
        const next =
          live === undefined
            ? { ...metadata, nonce: newNonce() }
            : this.replacedBy(nextId, live.record.metadata ?? metadata);
        const result = await this.write(at.key, next, at.revision);
        if (live !== undefined && result === 'ok') events.hint(metadata.handle);
        // After a renewed record the old one is written, too, so that the renewal can't restore it.
        if (result !== 'conflict' && at.key === key) return;
      }
    } catch (error) {
      // The login itself has succeeded.
      if (!isClosed(error)) notices.storeFailed('save', error);
    }
  }

  private async renewedFrom(id: string, replaced: LoadedRecord): Promise<LoadedRecord | undefined> {
    const found = await this.finder.locate(id, replaced);
    return typeof found === 'object' ? found.loaded : undefined;
  }

  private async wasOurs(key: string, nonce: string): Promise<boolean> {
    const { records, counters } = this.services;
    const isOurs = (await records.load(key))?.record.metadata?.nonce === nonce;
    if (isOurs) counters.lostReplies += 1;
    return isOurs;
  }

  /**
   * For a replacement that failed, or that the store didn't answer: it may have happened, or may still happen.
   *
   * - If it has not happened, the record is written again unchanged, so that the late swap fails.
   * - If it has, the old record is restored. If it names the new record (`nextKey`), that link is extended instead, as the
   *   browser keeps the old id.
   * - If another request has changed or ended the record meanwhile, there is nothing to do.
   */
  async bringBack(old: OldRecord, nextKey?: string, attempt = 0): Promise<void> {
    const { records, notices, options } = this.services;
    const { key, record } = old.before;
    const data = record.data();
    if (typeof data === 'string' || attempt === MOST_LOOKS) return;
    try {
      const found = await records.load(key);
      const nonce = found?.record.metadata?.nonce;
      const isReplaced = nonce === old.replaced.nonce;
      let result: WriteResult = 'ok';
      if (isReplaced && nextKey !== undefined) result = await this.write(key, this.longer(old), found!.revision);
      else if (found !== undefined && (isReplaced || nonce === record.metadata?.nonce)) {
        const next = { ...old.metadata, nonce: newNonce() };
        const cookie = JSON.stringify(record.cookie());
        const text = recordText(cookie, JSON.stringify(data), next);
        result = await records.replace(key, { text, metadata: next, cookie }, found.revision);
      }
      if (result === 'conflict') return await this.bringBack(old, nextKey, attempt + 1);
      if (nextKey !== undefined && !isReplaced) await records.destroy(nextKey);
      // Before it was restored, by this look or an earlier one, a login may have taken the place of this session. And if
      // another request has gone on with what was written, that is a session of its principal.
      const { principal } = old.replaced;
      if (nextKey === undefined && principal !== undefined) await this.admissions.evictSurplus(principal);
    } catch (error) {
      if (isClosed(error)) return;
      notices.storeFailed('save', error);
      this.newRecords.later(() => this.bringBack(old, nextKey, attempt + 1), options.storeTimeoutMs / 4);
    }
  }

  /** Leads to the new record for as long as the session would have lived without a request. */
  private longer({ metadata: { expiresAt }, replaced }: OldRecord): SessionMetadata {
    const until = Math.max(expiresAt, replaced.replaced!.until);
    return { ...replaced, expiresAt: Math.max(until, replaced.expiresAt), replaced: { ...replaced.replaced!, until } };
  }
}
