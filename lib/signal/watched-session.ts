import type { Found, RecordFinder } from '../commit/record-finder.js';
import type { Revocations } from '../commit/revocations.js';
import type { SessionMetadata } from '../record/session-metadata.js';
import type { SessionRecords } from '../record/session-records.js';
import type { Lifetimes } from '../session/lifetimes.js';

/** What a look at a session needs of its module. */
export interface WatchServices {
  readonly finder: RecordFinder;
  readonly lifetimes: Lifetimes;
  readonly records: SessionRecords;
  readonly revocations: Revocations;
  now(): number;
}

/** A session that is to be watched. */
export interface WatchedAs {
  /** `undefined`: it isn't in the store yet. */
  id(): string | undefined;
  readonly handle: string;
  /** `undefined`: it is a peer's. */
  readonly metadata: SessionMetadata | undefined;
  readonly found?: Found | undefined;
}

/** A session that something in this process has open: sockets, streams. They share what was read of it, and learn of its end together. */
export class WatchedSession {
  /** As it was read last; `undefined`: it was written since. */
  private found: Found | undefined;
  private id: string | undefined;
  readonly handle: string;
  metadata: SessionMetadata | undefined;
  isOver = false;
  /** When it is to be looked at next. */
  lookAt: number;
  /** What moves its idle end, for streams that keep it alive. */
  readonly keepers = new Set<(found: Found) => Promise<void>>();
  /** What is to be done when it ends. */
  readonly closers = new Set<() => void>();
  private readAt: number;
  private reading: Promise<Found | undefined> | undefined;
  private writes = 0;

  constructor(
    private readonly services: WatchServices,
    private readonly as: WatchedAs,
    public everyMs: number,
  ) {
    this.found = as.found;
    this.id = as.found?.id;
    this.handle = as.handle;
    this.metadata = as.metadata;
    this.readAt = services.now();
    this.lookAt = this.readAt + everyMs;
  }

  /** What was read, if that was within this time. */
  known(withinMs: number): Found | undefined {
    const now = this.services.now();
    return !this.hasExpired(now) && now - this.readAt < withinMs ? this.found : undefined;
  }

  private hasExpired(now: number): boolean {
    return this.metadata !== undefined && this.metadata.expiresAt <= now;
  }

  /**
   * Whether it is to be looked at.
   *
   * @param laterMs how much later, as word comes of an end.
   */
  isDue(now: number, laterMs: number): boolean {
    const lookAt = this.lookAt === 0 ? 0 : Math.max(this.lookAt, this.readAt + laterMs);
    return lookAt <= now || (this.hasExpired(now) && this.readAt < now - 1);
  }

  /** Whether something that is open keeps it alive, and its idle end is to be moved. */
  get isTouchDue(): boolean {
    return this.keepers.size > 0 && this.metadata !== undefined && this.services.lifetimes.isTouchDue(this.metadata);
  }

  /** Something of it was written: what was read is out of date. */
  forget(): void {
    this.found = undefined;
    this.reading = undefined;
    this.writes += 1;
  }

  /**
   * Reads it again, once for all who ask meanwhile. `undefined`: it has ended.
   *
   * @throws SessionStoreError if the store failed.
   */
  read(): Promise<Found | undefined> {
    if (this.reading !== undefined) return this.reading;
    const reading = this.readNow().finally(() => {
      if (this.reading === reading) this.reading = undefined;
    });
    return (this.reading = reading);
  }

  private async readNow(): Promise<Found | undefined> {
    this.id ??= this.as.id();
    const { id, writes } = this;
    const now = this.services.now();
    this.lookAt = now + this.everyMs;
    if (this.isOver || id === undefined) return undefined;
    const found = await this.findOn(id);
    if (found === undefined) {
      this.end();
      return undefined;
    }
    this.id = found.id;
    this.metadata = found.loaded.record.metadata ?? this.metadata;
    this.readAt = now;
    if (writes === this.writes) this.found = found;
    return found;
  }

  /** Its live record, also under an id that it was given since and that the browser alone was told. */
  private async findOn(id: string): Promise<Found | undefined> {
    const { finder, lifetimes, records, revocations } = this.services;
    const loaded = await records.load(records.key(id));
    if (loaded === undefined) return undefined;
    const { metadata } = loaded.record;
    const found = metadata?.replaced === undefined ? await finder.locate(id, loaded) : await this.successor(metadata);
    if (typeof found !== 'object') return undefined;
    const next = found.loaded.record.metadata;
    if (next === undefined) return found;
    // A login makes it another user's: what was opened before isn't theirs.
    const { handle, principal } = this.metadata ?? next;
    if (next.handle !== handle || next.principal !== principal) return undefined;
    if (next.expiresAt <= this.services.now()) return undefined;
    return lifetimes.isTouchDue(next) && (await revocations.endIfRevoked(found.loaded)) ? undefined : found;
  }

  private async successor(metadata: SessionMetadata): Promise<Found | undefined> {
    const { id, loaded } = (await this.services.finder.successorOf(metadata)) ?? {};
    return id === undefined || loaded === undefined ? undefined : { id, loaded };
  }

  /** It has ended: what it opened ends. */
  private end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.found = undefined;
    const closers = [...this.closers];
    this.closers.clear();
    for (const close of closers) close();
  }
}
