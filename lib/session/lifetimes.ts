import type { ResolvedOptions } from '../options/resolve-options.js';
import type { SessionMetadata } from '../record/session-metadata.js';

/** How long sessions live. */
export class Lifetimes {
  constructor(private readonly options: ResolvedOptions) {}

  private now(): number {
    return this.options.clock.now();
  }

  /** Whether the idle timeout has to be extended: the session was last seen long ago, or its record is still pending. */
  isTouchDue(metadata: SessionMetadata): boolean {
    return metadata.isPending === true || Math.abs(this.now() - metadata.seenAt) >= this.options.touchIntervalMs;
  }

  /** Whether a listed session is live and within its idle timeout. */
  isInTime(metadata: SessionMetadata): boolean {
    return this.isLive(metadata) && metadata.expiresAt > this.now();
  }

  /**
   * Whether a record is within the absolute timeout, or within the grace time of a replaced id. `false` for a
   * principal's record.
   */
  isLive(metadata: SessionMetadata | undefined): boolean {
    if (metadata === undefined) return true;
    if (metadata.revokedUntil !== undefined) return false;
    if (metadata.replaced !== undefined) return metadata.replaced.until > this.now();
    return metadata.createdAt + this.absoluteMs(metadata) > this.now();
  }

  /**
   * When a session that is seen now expires: the idle or the absolute timeout, whichever is first.
   *
   * @param cookieLife the lifetime that this request gave the cookie, in ms.
   */
  expiryOf(metadata: SessionMetadata, now: number, cookieLife?: number): number {
    return Math.min(
      now + this.idleMs(metadata, cookieLife),
      metadata.createdAt + this.absoluteMs(metadata, cookieLife),
    );
  }

  /** A lifetime that the app set on this session overrides the option. */
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
