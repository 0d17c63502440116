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

/** A session that something in this process has open: sockets, streams. They share what was read of it, and learn of its end together. */
export class WatchedSession {
  /** As it was read last; `undefined`: it was written since. */
  found: Found | undefined;
  id: string;
  /** `undefined`: it is a peer's. */
  metadata: SessionMetadata | undefined;
  readAt: number;
  isOver = false;
  /** What is to be done when it ends. */
  readonly closers = new Set<() => void>();
  private reading: Promise<Found | undefined> | undefined;
  private writes = 0;

  constructor(
    private readonly services: WatchServices,
    found: Found,
  ) {
    this.found = found;
    this.id = found.id;
    this.metadata = found.loaded.record.metadata;
    this.readAt = services.now();
  }

  /** What was read, if that was within this time. */
  known(withinMs: number): Found | undefined {
    const now = this.services.now();
    const isInTime = this.metadata === undefined || this.metadata.expiresAt > now;
    return isInTime && now - this.readAt < withinMs ? this.found : undefined;
  }

  /** Something of it was written: what was read is out of date. */
  forget(): void {
    this.found = undefined;
    this.reading = undefined;
    this.writes += 1;
  }

  /** Reads it again, once for all who ask meanwhile. `undefined`: it has ended. */
  read(): Promise<Found | undefined> {
    if (this.reading !== undefined) return this.reading;
    const reading = this.readNow().finally(() => {
      if (this.reading === reading) this.reading = undefined;
    });
    this.reading = reading;
    return reading;
  }

  private async readNow(): Promise<Found | undefined> {
    if (this.isOver) return undefined;
    const { writes } = this;
    const at = this.services.now();
    const found = await this.findOn();
    if (found === undefined) {
      this.end();
      return undefined;
    }
    this.id = found.id;
    this.metadata = found.loaded.record.metadata ?? this.metadata;
    this.readAt = at;
    if (writes === this.writes) this.found = found;
    return found;
  }

  /** Its live record, also under an id that it was given since and that the browser alone was told. */
  private async findOn(): Promise<Found | undefined> {
    const { finder, lifetimes, records, revocations } = this.services;
    const loaded = await records.load(records.key(this.id));
    if (loaded === undefined) return undefined;
    const { metadata } = loaded.record;
    const found =
      metadata?.replaced === undefined ? await finder.locate(this.id, loaded) : await this.successor(metadata);
    if (typeof found !== 'object') return undefined;
    const next = found.loaded.record.metadata;
    if (next === undefined) return found;
    // A login makes it another user's, or gives it rights that whoever opened this did not have.
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
  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.found = undefined;
    const closers = [...this.closers];
    this.closers.clear();
    for (const close of closers) close();
  }
}
