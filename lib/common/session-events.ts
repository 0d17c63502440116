import { createHmac } from 'node:crypto';
import { channel } from 'node:diagnostics_channel';

/** What can happen to a session. */
export type SessionEventType =
  | 'created'
  | 'loaded-invalid'
  | 'renewed'
  | 'logged-in'
  | 'logged-out'
  | 'destroyed'
  | 'expired'
  | 'revoked'
  | 'evicted'
  | 'principal-void'
  | 'mismatch'
  | 'key-dropped';

/**
 * Something that happened to a session. It never contains the id: `session` is a salted hash of it, the same in all
 * processes that share the secret.
 */
export interface SessionEvent {
  readonly type: SessionEventType;
  /** In ms since the epoch. */
  readonly at: number;
  /** A salted hash of the id; missing if there was no id with a valid signature. */
  readonly session?: string | undefined;
  readonly handle?: string | undefined;
  readonly principal?: string | undefined;
  /** The reason. For `loaded-invalid`: `signature`, `unknown` or `unreadable`. */
  readonly reason?: string | undefined;
  /** Whether it happened in another process. Only in `registry.allEvents`. */
  readonly remote?: true | undefined;
}

type EventDetails = Pick<SessionEvent, 'handle' | 'principal' | 'reason'>;

/** Is told what happened to a session, by its handle. `event` makes the event on demand; a hint has none. */
export type HandleListener = (type: SessionEventType, handle: string, event: (() => SessionEvent) | undefined) => void;

/** The name of the `diagnostics_channel` that carries each event. */
export const SESSION_CHANNEL = 'nestjs-keycard:session';

/** Calls the listeners. Costs almost nothing if there are none. */
export class SessionEvents {
  private readonly listeners = new Set<(event: SessionEvent) => void>();
  private readonly handleListeners = new Set<HandleListener>();
  private readonly channel = channel(SESSION_CHANNEL);

  constructor(
    private readonly salt: Buffer,
    private readonly now: () => number,
    private readonly report: (message: string, cause: unknown) => void,
  ) {}

  /** Adds a listener. Returns a function that removes it. */
  listen(listener: (event: SessionEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The same for listeners that need only the handle, which saves the hash. */
  onHandle(listener: HandleListener): () => void {
    this.handleListeners.add(listener);
    return () => this.handleListeners.delete(listener);
  }

  /** A session may have ended without an event. Its watch reads the record. */
  hint(handle: string): void {
    for (const listener of this.handleListeners) listener('renewed', handle, undefined);
  }

  emit(type: SessionEventType, id: string | undefined, details?: EventDetails): void {
    let made: SessionEvent | undefined;
    const event = (): SessionEvent => (made ??= this.eventOf(type, id, details));
    if (details?.handle !== undefined)
      for (const listener of this.handleListeners) listener(type, details.handle, event);
    if (this.listeners.size === 0 && !this.channel.hasSubscribers) return;
    this.channel.publish(event());
    for (const listener of this.listeners) this.call(listener, event());
  }

  /** A listener that throws is logged, and the others are still called. */
  call(listener: (event: SessionEvent) => void, event: SessionEvent): void {
    try {
      listener(event);
    } catch (error) {
      this.report('A listener of session events threw.', error);
    }
  }

  private eventOf(type: SessionEventType, id: string | undefined, details: EventDetails | undefined): SessionEvent {
    const session =
      id === undefined ? undefined : createHmac('sha256', this.salt).update(id).digest('base64url').slice(0, 22);
    return { type, at: this.now(), session, ...details };
  }
}
