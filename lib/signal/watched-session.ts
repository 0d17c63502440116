import type { Found } from '../commit/record-finder.js';
import type { SessionMetadata } from '../record/session-metadata.js';
import type { SignalServices } from './signal-services.js';

/** A session to be watched. */
export interface WatchedAs {
  /** `undefined`: it isn't in the store yet. */
  id(): string | undefined;
  readonly handle: string;
  /** `undefined`: express-session wrote it. */
  readonly metadata: SessionMetadata | undefined;
  readonly found?: Found | undefined;
}

/**
 * A session that is open in this process (sockets, streams). They share the record that was read, and are closed
 * together.
 */
export class WatchedSession {
  /** The record as read last; `undefined`: it was written since. */
  private found: Found | undefined;
  private id: string | undefined;
  readonly handle: string;
  metadata: SessionMetadata | undefined;
  isOver = false;
  /** When to read it next. */
  lookAt: number;
  /** Functions that extend its idle timeout, for streams that keep it alive. */
  readonly keepers = new Set<(found: Found) => Promise<void>>();
  /** Functions to call when it ends. */
  readonly closers = new Set<() => void>();
  private readAt: number;
  private reading: Promise<Found | undefined> | undefined;
  private writes = 0;

  constructor(
    private readonly services: SignalServices,
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

  /** The record, if it was read within this time. */
  known(withinMs: number): Found | undefined {
    const now = this.services.now();
    return !this.hasExpired(now) && now - this.readAt < withinMs ? this.found : undefined;
  }

  private hasExpired(now: number): boolean {
    return this.metadata !== undefined && this.metadata.expiresAt <= now;
  }

  /**
   * Whether to read it now.
   *
   * @param laterMs how much later, if ends are reported.
   */
  isDue(now: number, laterMs: number): boolean {
    const lookAt = this.lookAt === 0 ? 0 : Math.max(this.lookAt, this.readAt + laterMs);
    return lookAt <= now || (this.hasExpired(now) && this.readAt < now - 1);
  }

  /** Whether an open stream keeps it alive, and its idle timeout has to be extended. */
  get isTouchDue(): boolean {
    return this.keepers.size > 0 && this.metadata !== undefined && this.services.lifetimes.isTouchDue(this.metadata);
  }

  /** Drops the record, as it was written. */
  forget(): void {
    this.found = undefined;
    this.reading = undefined;
    this.writes += 1;
  }

  /**
   * Reads the record, once for all who ask meanwhile. `undefined`: the session has ended.
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

  /** The live record, also under a newer id that only the browser was told. */
  private async findOn(id: string): Promise<Found | undefined> {
    const { finder, lifetimes, records, revocations } = this.services;
    const loaded = await records.load(records.key(id));
    if (loaded === undefined) return undefined;
    const { metadata } = loaded.record;
    const found = metadata?.replaced === undefined ? await finder.locate(id, loaded) : await this.successor(metadata);
    if (typeof found !== 'object') return undefined;
    const next = found.loaded.record.metadata;
    if (next === undefined) return found;
    // After a login it is another user's session, who must not get what was opened before.
    const { handle, principal } = this.metadata ?? next;
    if (next.handle !== handle || next.principal !== principal) return undefined;
    if (next.expiresAt <= this.services.now()) return undefined;
    return lifetimes.isTouchDue(next) && (await revocations.endIfRevoked(found.loaded)) ? undefined : found;
  }

  private async successor(metadata: SessionMetadata): Promise<Found | undefined> {
    const { id, loaded } = (await this.services.finder.successorOf(metadata)) ?? {};
    return id === undefined || loaded === undefined ? undefined : { id, loaded };
  }

  /** The session has ended: closes what it has open. */
  private end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.found = undefined;
    const closers = [...this.closers];
    this.closers.clear();
    for (const close of closers)
      try {
        close();
      } catch (error) {
        this.services.notices.error('A socket or stream of a session that has ended could not be closed.', error);
      }
  }
}
