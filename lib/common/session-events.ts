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

/** Something that happened. The id is never in it: `session` is a salted hash of it, the same in all processes that share the secret. */
export interface SessionEvent {
  readonly type: SessionEventType;
  /** ms since the epoch. */
  readonly at: number;
  /** Salted hash of the id; absent if there was no well-signed one. */
  readonly session?: string | undefined;
  readonly handle?: string | undefined;
  readonly principal?: string | undefined;
  /** Why: for `loaded-invalid` `signature`, `unknown` or `unreadable`. */
  readonly reason?: string | undefined;
}

/** The name of the `diagnostics_channel` that carries each event. */
export const SESSION_CHANNEL = 'nestjs-keycard:session';

/** Calls the listeners. Costs next to nothing if there are none. */
export class SessionEvents {
  private readonly listeners = new Set<(event: SessionEvent) => void>();
  private readonly handleListeners = new Set<(type: SessionEventType, handle: string) => void>();
  private readonly channel = channel(SESSION_CHANNEL);

  constructor(
    private readonly salt: Buffer,
    private readonly now: () => number,
    private readonly report: (message: string, cause: unknown) => void,
  ) {}

  /** Adds a listener; gives what removes it. */
  listen(listener: (event: SessionEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The same for what needs no more than the handle, which costs no hash. */
  onHandle(listener: (type: SessionEventType, handle: string) => void): () => void {
    this.handleListeners.add(listener);
    return () => this.handleListeners.delete(listener);
  }

  /** A session may have ended that no event is about: who watches it looks. */
  hint(handle: string): void {
    for (const listener of this.handleListeners) listener('renewed', handle);
  }

  emit(
    type: SessionEventType,
    id: string | undefined,
    details?: Pick<SessionEvent, 'handle' | 'principal' | 'reason'>,
  ): void {
    if (details?.handle !== undefined) for (const listener of this.handleListeners) listener(type, details.handle);
    if (this.listeners.size === 0 && !this.channel.hasSubscribers) return;
    const session =
      id === undefined ? undefined : createHmac('sha256', this.salt).update(id).digest('base64url').slice(0, 22);
    const event: SessionEvent = { type, at: this.now(), session, ...details };
    this.channel.publish(event);
    for (const listener of this.listeners) {
      try {
        listener(event);
      } catch (error) {
        this.report('A listener of session events threw.', error);
      }
    }
  }
}
