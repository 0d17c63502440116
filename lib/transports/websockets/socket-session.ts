import type { Found } from '../../commit/record-finder.js';
import { ended } from '../../signal/session-signal.js';
import { watchOf } from '../../signal/session-watch.js';
import type { WatchedSession } from '../../signal/watched-session.js';
import type { RequestServices } from '../http/request-services.js';
import { RequestSession } from '../http/request-session.js';
import type { IncomingMessage } from 'node:http';

/** How sockets use their session. */
export interface SocketLimits {
  readonly revalidateMs: number;
  /** Messages extend the session's idle timeout. */
  readonly keepsAlive: boolean;
}

/**
 * The session of one connection. Its cookie is read at the handshake. All sockets of one session share the record that
 * was read.
 */
export class SocketSession {
  private watched: WatchedSession | undefined;
  private release: (() => void) | undefined;
  /** The handshake request, until the store has answered. */
  private unread: IncomingMessage | undefined;
  private opening: Promise<Found | undefined> | undefined;
  private isStopped = false;
  /** The functions that close the sockets of this connection. */
  private readonly closers = new Set<() => void>();
  private readonly controller = new AbortController();

  constructor(
    readonly services: RequestServices,
    private readonly limits: SocketLimits,
  ) {}

  /** Reads the cookie of a handshake. `failed`: the store failed, and is asked again with the first message. */
  async begin(request: IncomingMessage): Promise<'found' | 'none' | 'failed'> {
    this.unread = request;
    try {
      return (await this.open()) === undefined ? 'none' : 'found';
    } catch {
      return 'failed';
    }
  }

  /** Reads the session as for an HTTP request: with `bindTo`, and other cookies of the name. */
  private async open(): Promise<Found | undefined> {
    const opening = new RequestSession(this.services, this.unread, undefined);
    await opening.open();
    if (opening.hasFailed) throw opening.failureToLoad;
    this.unread = undefined;
    const { core } = opening;
    if (core?.status !== 'stored' || core.stored === undefined) return undefined;
    const found = { id: core.id, loaded: core.stored };
    this.watch(found);
    return found;
  }

  private watch(found: Found): void {
    const { metadata } = found.loaded.record;
    const as = { id: () => found.id, handle: metadata?.handle ?? found.loaded.key, metadata, found };
    const { session, release } = watchOf(this.services).watch(as, () => this.end(), this.limits.revalidateMs);
    this.watched = session;
    this.release = release;
    // The client left while the store was asked.
    if (this.isStopped) this.stop();
  }

  /** Aborts when the session ends. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /**
   * Names the session and its principal, to compare them with those of another connection. No secret. Empty: the client
   * has no session. `undefined`: not known, or the session has ended.
   */
  get owner(): string | undefined {
    if (this.watched === undefined) return this.unread === undefined ? '' : undefined;
    const { isOver, metadata } = this.watched;
    return isOver || metadata === undefined ? undefined : JSON.stringify([metadata.handle, metadata.principal]);
  }

  get keepsAlive(): boolean {
    return this.limits.keepsAlive;
  }

  /** The record, if it was read within `revalidate`. */
  known(): Found | undefined {
    return this.watched?.known(this.limits.revalidateMs);
  }

  /** Reads the record again. `undefined`: there is no session, or it has ended. */
  async read(): Promise<Found | undefined> {
    if (this.watched !== undefined) return this.watched.read();
    if (this.unread === undefined) return undefined;
    return (this.opening ??= this.open().finally(() => (this.opening = undefined)));
  }

  /** Drops the record, as it was written. */
  forget(): void {
    this.watched?.forget();
  }

  /** Whether a message has to extend the idle timeout. */
  isTouchDue(): boolean {
    const metadata = this.watched?.metadata;
    return this.keepsAlive && metadata !== undefined && this.services.lifetimes.isTouchDue(metadata);
  }

  /** Closes a socket when the session ends. Returns a function to call when the socket has closed by itself. */
  closeWith(close: () => void): () => void {
    if (this.signal.aborted) close();
    else this.closers.add(close);
    return () => void this.closers.delete(close);
  }

  /** Called when the connection has closed. Until then, a client of socket.io may open sockets of other namespaces. */
  stop(): void {
    this.isStopped = true;
    this.release?.();
    this.release = undefined;
  }

  private end(): void {
    this.controller.abort(ended());
    const closers = [...this.closers];
    this.closers.clear();
    for (const close of closers) close();
  }
}
