import type { SessionMetadata } from '../record/session-metadata.js';
import type { ListedRecord } from '../record/session-records.js';
import { since } from './revocation-mark.js';

/** A session or a login under way that counts towards a principal's limit. */
export interface Holder {
  readonly handle: string;
  readonly number: number;
  readonly since: number;
  readonly records: readonly ListedRecord[];
}

/** The holders that count towards a principal's limit, by handle. */
export class Holders {
  private readonly byHandle = new Map<string, Holder>();
  /** The sessions of logins that were not completed in time. */
  readonly failed: ListedRecord[] = [];

  add(handle: string, number: number, at: number, record?: ListedRecord): void {
    const before = this.byHandle.get(handle) ?? { handle, number: 0, since: 0, records: [] };
    this.byHandle.set(handle, {
      handle,
      number: Math.max(before.number, number),
      since: Math.max(before.since, at),
      records: record === undefined ? before.records : [...before.records, record],
    });
  }

  /** @param metadata of the session that the record contains, or leads to. */
  addListed(record: ListedRecord, metadata: SessionMetadata): void {
    this.add(metadata.handle, metadata.loginNumber ?? 0, since(metadata), record);
  }

  has(handle: string): boolean {
    return this.byHandle.has(handle);
  }

  /** The highest login number. */
  get highest(): number {
    return Math.max(0, ...[...this.byHandle.values()].map(({ number }) => number));
  }

  /** The newest login first. */
  newestFirst(except: string): Holder[] {
    return [...this.byHandle.values()].filter(({ handle }) => handle !== except).sort(newestHolderFirst);
  }
}

const newestHolderFirst = (a: Holder, b: Holder): number =>
  b.number - a.number || b.since - a.since || (a.handle < b.handle ? 1 : -1);
