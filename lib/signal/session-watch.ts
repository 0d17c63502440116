import type { SessionEvent } from '../common/session-events.js';
import { MemoryStore } from '../stores/memory.store.js';
import type { Found } from '../commit/record-finder.js';
import { EndBus } from './end-bus.js';
import { HINTS } from './event-feed.js';
import type { SignalServices } from './signal-services.js';
import { type WatchedAs, WatchedSession } from './watched-session.js';

/** How often the watch looks for due sessions. That makes no store call. */
const TICK_MS = 1_000;
/** How many records are read at once: the store reads those of one turn together. */
const MOST_AT_ONCE = 500;
/** How often an open session is read if all processes tell each other of ends. */
export const WITH_BUS_MS = 5 * 60_000;

/** Closes what sessions have open (sockets, streams) when they end. One timer serves all of them. */
export class SessionWatch {
  private readonly sessions = new Map<string, WatchedSession>();
  /** Those that express-session wrote. A request gives them a handle, so they are kept here by another name. */
  private readonly unnamed = new Set<WatchedSession>();
  private timer: NodeJS.Timeout | undefined;
  private readonly stops: (() => void)[] = [];
  private isLooking = false;
  /** All processes report ends, so sessions need not be read often. */
  private isTold = false;
  private readonly bus: EndBus | undefined;

  constructor(private readonly services: SignalServices) {
    const { bus = services.records.store.bus?.() } = services.options;
    if (bus) this.bus = new EndBus(services, bus);
  }

  /**
   * Calls `close` when the session ends. Returns the watched session, and a function that ends the watch.
   *
   * @param everyMs how old its record may be.
   */
  watch(
    as: WatchedAs,
    close: () => void,
    everyMs: number,
  ): { readonly session: WatchedSession; readonly release: () => void } {
    let session = this.sessions.get(as.handle);
    if (session === undefined || session.isOver) {
      session = new WatchedSession(this.services, as, everyMs);
      this.sessions.set(as.handle, session);
      if (as.metadata === undefined) this.unnamed.add(session);
      this.start();
    }
    const watched = session;
    watched.everyMs = Math.min(watched.everyMs, everyMs);
    watched.closers.add(close);
    return { session: watched, release: () => this.release(watched, close) };
  }

  /** Extends the idle timeout of a watched session when that is due. Returns a function that stops it. */
  keepAlive(handle: string, move: (found: Found) => Promise<void>): () => void {
    const session = this.sessions.get(handle);
    session?.keepers.add(move);
    return () => void session?.keepers.delete(move);
  }

  private release(session: WatchedSession, close: () => void): void {
    session.closers.delete(close);
    // It has not ended: a message that is still handled reads it.
    if (session.closers.size === 0) this.drop(session);
  }

  private drop(session: WatchedSession): void {
    this.unnamed.delete(session);
    if (this.sessions.get(session.handle) === session) this.sessions.delete(session.handle);
    if (this.sessions.size === 0) this.stop();
  }

  /** The number of watched sessions. */
  get size(): number {
    return this.sessions.size;
  }

  /** Whether other processes report ends. */
  get isHearing(): boolean {
    return this.isTold;
  }

  private start(): void {
    if (this.timer !== undefined) return;
    this.timer = setInterval(() => void this.tick(), TICK_MS).unref();
    this.stops.push(
      this.services.events.onHandle((type, handle) => {
        if (HINTS.has(type)) this.hint(handle);
      }),
    );
    if (this.bus) this.stops.push(this.bus.listen(this));
  }

  private stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    for (const stop of this.stops.splice(0)) stop();
    this.isTold = false;
  }

  /**
   * Reports what happens to sessions here and, over the bus, in other processes. Returns a function that removes the
   * listener.
   */
  listen(listener: (event: SessionEvent) => void): () => void {
    const { bus, services } = this;
    const stops = [services.events.listen(listener)];
    if (bus) stops.push(bus.feed.listen(listener), bus.listen({ hint: () => undefined, told: () => undefined }));
    else if (!(services.records.store instanceof MemoryStore))
      services.notices.warnOnce(
        'no bus',
        `registry.allEvents has the events of this process alone, as there is no bus (${services.options.bus === false ? '"bus" is false' : `${services.records.store.constructor.name} has none`}). Give SessionModule the option "bus", an object with publish(text) and subscribe(hear, state).`,
      );
    return () => stops.forEach((stop) => stop());
  }

  /** Called when the app ends: stops receiving from other processes. */
  async close(): Promise<void> {
    await this.bus?.close();
  }

  /** Something may have happened to a session: read its record. */
  hint(handle: string): void {
    const session = this.sessions.get(handle);
    if (session !== undefined) void this.look(session);
    if (this.unnamed.size === 0) return;
    for (const each of this.unnamed) if ((each.metadata?.handle ?? handle) === handle) each.lookAt = 0;
    void this.tick();
  }

  /**
   * Whether other processes report ends. When that begins, all sessions are read, as some ends may have been missed.
   */
  told(isTold: boolean): void {
    if (isTold && !this.isTold) for (const session of this.sessions.values()) session.lookAt = 0;
    this.isTold = isTold;
  }

  /** Reads the sessions that are due. */
  async tick(): Promise<void> {
    if (this.isLooking) return;
    this.isLooking = true;
    const now = this.services.now();
    const laterMs = this.isTold ? WITH_BUS_MS : 0;
    const due = [...this.sessions.values()].filter((session) => session.isTouchDue || session.isDue(now, laterMs));
    for (let at = 0; at < due.length; at += MOST_AT_ONCE)
      await Promise.all(due.slice(at, at + MOST_AT_ONCE).map((session) => this.look(session)));
    this.isLooking = false;
  }

  private async look(session: WatchedSession): Promise<void> {
    session.forget();
    try {
      const found = await session.read();
      const [keep] = session.keepers;
      if (found !== undefined && keep !== undefined && session.isTouchDue) {
        await keep(found);
        session.forget();
        await session.read();
      }
    } catch (error) {
      // If the store failed, the session may still be live.
      this.services.notices.storeFailed('load', error);
    }
    if (session.isOver) this.drop(session);
  }
}

const watches = new WeakMap<object, SessionWatch>();

/** The watch of a module. From the first call on, ends in this process are reported to others. */
export function watchOf(services: SignalServices): SessionWatch {
  let watch = watches.get(services);
  if (watch === undefined) watches.set(services, (watch = new SessionWatch(services)));
  return watch;
}
