import type { ResolvedOptions } from '../options/resolve-options.js';
import type { SessionMetadata } from '../record/session-metadata.js';

/** How long sessions live. */
export class Lifetimes {
  constructor(private readonly options: ResolvedOptions) {}

  private now(): number {
    return this.options.clock.now();
  }

  /** Whether a session was last seen so long ago that its idle expiry is to be moved. */
  isTouchDue(metadata: SessionMetadata): boolean {
    return this.now() - metadata.seenAt >= this.options.touchIntervalMs;
  }

  /** Whether a listed session counts, its idle end included. */
  isInTime(metadata: SessionMetadata): boolean {
    return this.isLive(metadata) && metadata.expiresAt > this.now();
  }

  /** Whether metadata still count: the absolute end, or a replaced id's grace. A principal's record is no session. */
  isLive(metadata: SessionMetadata | undefined): boolean {
    if (metadata === undefined) return true;
    if (metadata.revokedUntil !== undefined) return false;
    if (metadata.replaced !== undefined) return metadata.replaced.until > this.now();
    return metadata.createdAt + this.absoluteMs(metadata) > this.now();
  }

  /**
   * When a session that is seen now ends: idle, or absolute.
   *
   * @param cookieLife of a cookie that was decided for this request, in ms.
   */
  expiryOf(metadata: SessionMetadata, now: number, cookieLife?: number): number {
    return Math.min(
      now + this.idleMs(metadata, cookieLife),
      metadata.createdAt + this.absoluteMs(metadata, cookieLife),
    );
  }

  /** A life that the app set on this very session goes before the option. */
  private idleMs(metadata: SessionMetadata, cookieLife?: number): number {
    const own = metadata.cookieOverrides?.maxAge;
    if (typeof own === 'number') return own;
    return this.options.idleIsExplicit ? this.options.idleMs : (cookieLife ?? this.options.idleMs);
  }

  private absoluteMs(metadata: SessionMetadata, cookieLife?: number): number {
    const own = metadata.cookieOverrides?.maxAge ?? cookieLife;
    if (this.options.absoluteIsExplicit || typeof own !== 'number') return this.options.absoluteMs;
    return Math.max(own, this.options.absoluteMs);
  }
}
