import { setImmediate as nextTurn } from 'node:timers/promises';

import { type CursorPlace, placesAfter } from './blind-cursor.js';
import type { Clock, WithClock } from './clock.js';
import { expiryOf, pack, type PackedRecord, principalOf, textOf, versionOf } from './memory/packed-record.js';
import { PrincipalIndex } from './memory/principal-index.js';
import { ShardedMap } from './memory/sharded-map.js';
import { idTaken, SessionStoreError } from './session-store.error.js';
import { clock, readStoreOptions } from './store-options.js';
import { duration, rule, type Rules } from '../common/option-rules.js';
import { LONGEST_TIMER_MS } from '../common/deadline.js';
import type { Duration } from '../common/duration.js';
import {
  type ListedSession,
  type ListQuery,
  type Revision,
  type SessionRecord,
  SessionStore,
  type StoredSession,
  type WriteResult,
} from './session-store.js';

/** Options of `MemoryStore`. */
export interface MemoryStoreOptions extends WithClock {
  /**
   * How long one round of removing expired sessions takes: a session is removed at most this long after its expiry. In
   * ms, or text such as `'30s'`.
   *
   * @defaultValue `'30s'`
   */
  readonly sweepInterval?: Duration;
  /**
   * The most sessions that the store keeps. Further ones are refused, so that a flood of new sessions can't end
   * existing ones.
   *
   * @defaultValue no limit
   */
  readonly maxSessions?: number;
}

const OPTIONS = {
  clock,
  sweepInterval: duration(30_000, { most: LONGEST_TIMER_MS }),
  maxSessions: rule(Infinity, (value, place) => {
    if (typeof value === 'number' && value > 0) return value;
    throw place.wrong(value, 'a number of sessions above 0');
  }),
} satisfies Rules<MemoryStoreOptions>;

/** How long the sweep runs without a break, in ms. */
const SWEEP_SLICE = 4;
const TICKS = 64;
const DEFAULT_BATCH = 100;

/**
 * Keeps sessions in the memory of this process: they end with it, and no other process sees them. For development,
 * tests, and apps of a single process whose sessions may be lost.
 *
 * Records are kept as JSON text, so the store shares no objects with its callers. A revision is the number of a write.
 * Numbers are never used twice, so a text that was changed and changed back is a new version.
 */
export class MemoryStore extends SessionStore {
  private readonly clock: Clock;
  private readonly sweepInterval: number;
  private readonly maxSessions: number;
  private readonly records = new ShardedMap<PackedRecord>();
  private readonly index = new PrincipalIndex();
  private lastVersion = 0;
  private timer: NodeJS.Timeout | undefined;
  private nextShard = 0;

  /** @throws TypeError if an option is wrong. */
  constructor(options: MemoryStoreOptions = {}) {
    super();
    const read = readStoreOptions('MemoryStore', OPTIONS, options);
    this.clock = read.clock;
    this.sweepInterval = read.sweepInterval;
    this.maxSessions = read.maxSessions;
  }

  /** @throws SessionStoreError with code `ID_TAKEN`, or `REFUSED` if the store already has `maxSessions` sessions. */
  create(id: string, record: SessionRecord): Promise<void> {
    const found = this.records.get(id);
    if (found !== undefined && this.isLive(found)) {
      return Promise.reject(idTaken());
    }
    if (found === undefined && this.records.size >= this.maxSessions) {
      const message = `The memory store has ${this.maxSessions} sessions, the most that "maxSessions" allows. Raise it, or use a store that isn't in memory.`;
      return Promise.reject(new SessionStoreError('REFUSED', message));
    }
    this.write(id, record, found);
    return Promise.resolve();
  }

  load(id: string, overdue?: boolean): Promise<StoredSession | undefined> {
    const found = overdue === true ? this.records.get(id) : undefined;
    return Promise.resolve(found === undefined ? this.loadNow(id) : unpack(found));
  }

  override loadNow(id: string): StoredSession | undefined {
    const found = this.records.get(id);
    return found === undefined || !this.isLive(found) ? undefined : unpack(found);
  }

  replace(id: string, record: SessionRecord, revision: Revision): Promise<WriteResult> {
    return Promise.resolve(this.replaceNow(id, record, revision));
  }

  override replaceNow(id: string, record: SessionRecord, revision: Revision): WriteResult {
    const found = this.records.get(id);
    if (found === undefined || !this.isLive(found)) return 'gone';
    if (versionOf(found) !== revision) return 'conflict';
    this.write(id, record, found);
    return 'ok';
  }

  destroy(id: string, revision?: Revision): Promise<WriteResult> {
    const found = this.records.get(id);
    if (found === undefined) return Promise.resolve('gone');
    if (revision !== undefined && versionOf(found) !== revision) return Promise.resolve('conflict');
    this.remove(id, found);
    return Promise.resolve(this.isLive(found) ? 'ok' : 'gone');
  }

  /** In an order in which a cursor stays valid when sessions come and go. */
  override async *list(query: ListQuery = {}): AsyncIterable<ListedSession> {
    const { cursor, overdue, batch = DEFAULT_BATCH } = query;
    const principal = wellFormed(query.principal);
    let listed = 0;
    for (const places of this.placesOf(principal, cursor)) {
      for (const { id, cursor: place } of places) {
        const found = this.records.get(id);
        if (found === undefined || (overdue !== true && !this.isLive(found))) continue;
        if (principal !== undefined && principalOf(found) !== principal) continue;
        yield { id, ...unpack(found), cursor: place };
        if (++listed % batch === 0) await nextTurn();
      }
    }
  }

  override async count(query: { readonly principal?: string | undefined } = {}): Promise<number> {
    const isLive = (found: PackedRecord | undefined): boolean => found !== undefined && this.isLive(found);
    if (query.principal !== undefined) {
      return this.index.of(wellFormed(query.principal)!).filter((id) => isLive(this.records.get(id))).length;
    }
    let count = 0;
    for (let shard = 0; shard < ShardedMap.length; shard++) {
      for (const found of this.records.shard(shard).values()) if (isLive(found)) count += 1;
      if (shard % 16 === 15) await nextTurn();
    }
    return count;
  }

  override clear(): Promise<void> {
    this.records.clear();
    this.index.clear();
    return Promise.resolve();
  }

  override async prune(): Promise<number> {
    let pruned = 0;
    for (let shard = 0; shard < ShardedMap.length; shard++) {
      pruned += this.sweepShard(shard);
      if (shard % 16 === 15) await nextTurn();
    }
    return pruned;
  }

  /** Stops the sweep. The sessions stay in memory as long as the store object does. */
  override close(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    return Promise.resolve();
  }

  private isLive(found: PackedRecord): boolean {
    return expiryOf(found) > this.clock.now();
  }

  private write(id: string, record: SessionRecord, before: PackedRecord | undefined): void {
    const principal = wellFormed(record.principal);
    const previous = before === undefined ? undefined : principalOf(before);
    this.records.set(id, pack(record.text, record.expiresAt, principal, ++this.lastVersion));
    if (this.timer === undefined) this.scheduleSweep();
    if (previous === principal) return;
    if (previous !== undefined) this.index.remove(previous, id);
    if (principal !== undefined) this.index.add(principal, id);
  }

  private remove(id: string, found: PackedRecord): void {
    const principal = principalOf(found);
    this.records.delete(id);
    if (principal !== undefined) this.index.remove(principal, id);
  }

  private *placesOf(principal: string | undefined, cursor: string | undefined): Iterable<readonly CursorPlace[]> {
    if (principal !== undefined) {
      yield placesAfter(this.index.of(principal), cursor);
      return;
    }
    const first = Number.parseInt(cursor ?? '0', 10) || 0;
    for (let shard = first; shard < ShardedMap.length; shard++) {
      const ids = [...this.records.shard(shard).keys()];
      yield placesAfter(ids, shard === first ? cursor : undefined, `${shard}.`);
    }
  }

  private sweepShard(shard: number): number {
    const now = this.clock.now();
    let swept = 0;
    for (const [id, found] of this.records.shard(shard)) {
      if (expiryOf(found) > now) continue;
      this.remove(id, found);
      swept += 1;
    }
    return swept;
  }

  private scheduleSweep(delay = Math.max(1, Math.floor(this.sweepInterval / TICKS))): void {
    this.timer = setTimeout(() => this.sweep(), delay).unref();
  }

  /**
   * Sweeps some of the shards. When the time slice is used up, it continues in the next turn of the event loop, so that
   * no request waits long.
   */
  private sweep(left: number = Math.ceil(ShardedMap.length / TICKS)): void {
    this.timer = undefined;
    const start = performance.now();
    while (left > 0 && performance.now() - start < SWEEP_SLICE) {
      this.sweepShard(this.nextShard);
      this.nextShard = (this.nextShard + 1) % ShardedMap.length;
      left -= 1;
    }
    if (left > 0) this.timer = setTimeout(() => this.sweep(left), 1).unref();
    else if (this.records.size > 0) this.scheduleSweep();
  }
}

function unpack(found: PackedRecord): StoredSession {
  return { text: textOf(found), expiresAt: expiryOf(found), revision: versionOf(found) };
}

/** A principal as it is after a round trip through UTF-8: an unpaired surrogate becomes U+FFFD, as in other stores. */
function wellFormed(principal: string | undefined): string | undefined {
  return principal !== undefined && /\p{Surrogate}/u.test(principal) ? Buffer.from(principal).toString() : principal;
}
