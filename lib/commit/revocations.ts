import { SessionStateError } from '../common/errors.js';
import type { MayEnd, SessionMetadata } from '../record/session-metadata.js';
import type { LoadedRecord } from '../record/session-records.js';
import { derivePrincipal } from '../options/principal-of.js';
import type { CommitServices } from './commit-services.js';
import { type PrincipalRecords, revoked } from './principal-records.js';
import { isRevoked, type RevocationMark } from './revocation-mark.js';
import type { SessionEnder } from './session-ender.js';

/** Smaller than a step of the clock, and large enough not to be lost by rounding. */
const STEP_MS = 0.001;

/** When a login began: the time, and the nonce of the revocation mark at that time. */
export interface LoginMoment {
  readonly at: number;
  readonly mark: string;
}

/**
 * Decides which sessions `revokeAll()` has ended. A session stores the nonce of the mark that was current when it
 * became its principal's. So no clock decides, and the index need not be complete. A session without a nonce (written
 * by version 0.1) is compared by time.
 */
export class Revocations {
  private lastLogin = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly services: CommitServices,
    private readonly states: PrincipalRecords,
    private readonly ender: SessionEnder,
  ) {}

  /** The moment of a new login. It is later than the last `revokeAll()`, even if another machine's clock is ahead. */
  moment(mark: RevocationMark): LoginMoment {
    return { at: this.inOrder(Math.max(this.services.now(), mark.at + STEP_MS)), mark: mark.nonce };
  }

  /** Logins within one millisecond get increasing times. */
  private inOrder(at: number): number {
    const tie = at <= this.lastLogin && at > this.lastLogin - 1;
    return (this.lastLogin = tie ? this.lastLogin + STEP_MS : at);
  }

  /**
   * Like `moment`, for a session that is already logged in.
   *
   * @param metadata of the session; `undefined` if the login is of this request.
   * @returns `undefined` if a `revokeAll()` has ended the session.
   */
  async beforeConfirmation(principal: string, metadata?: SessionMetadata): Promise<LoginMoment | undefined> {
    const { mark } = await this.states.read(principal);
    return metadata?.principal === principal && isRevoked(metadata, mark) ? undefined : this.moment(mark);
  }

  /** Ends a session that a `revokeAll()` has ended, even if the index lost it. */
  async endIfRevoked(loaded: LoadedRecord): Promise<boolean> {
    const { metadata } = loaded.record;
    if (metadata?.principal === undefined) return false;
    const { principal, handle } = metadata;
    const { mark } = await this.states.read(principal);
    if (!isRevoked(metadata, mark)) return false;
    if (await this.ender.endListed(loaded, isRevokedOf(principal, mark)))
      this.services.events.emit('revoked', loaded.key, { handle, principal });
    return true;
  }

  /** Returns a function that tells whether `revokeAll()` has ended a session of this principal. */
  async revokedOf(principal: string): Promise<MayEnd> {
    return isRevokedOf(principal, (await this.states.read(principal)).mark);
  }

  /**
   * Whether a record that express-session wrote may become a session of ours. Not if it is older than a `revokeAll()`
   * of its owner, or if its cookie doesn't tell its age.
   */
  async mayAdopt(loaded: LoadedRecord): Promise<boolean> {
    const values = loaded.record.data();
    if (typeof values === 'string') return true;
    const principal = derivePrincipal(this.services.options.principalOf, values);
    if (principal === undefined) return true;
    return isYoungerThan((await this.states.read(principal)).mark, loaded);
  }

  /**
   * Ends all earlier sessions of a principal, also those that the index has lost.
   *
   * @param except the handle of the session that stays.
   * @returns a function that tells whether this call ended a session.
   */
  async markRevoked(principal: string, except = ''): Promise<MayEnd> {
    const { mark } = await this.states.change(principal, (state) => revoked(state, this.services.now(), except));
    // A session without a nonce was listed, so it ends even if its time is unclear.
    return (metadata) =>
      metadata?.principal === principal &&
      metadata.handle !== except &&
      (metadata.revocationNonce === undefined || isRevoked(metadata, mark));
  }
}

/** Ends a session only if it is this principal's, and the mark ended it. */
export const isRevokedOf =
  (principal: string, mark: RevocationMark): MayEnd =>
  (metadata) =>
    metadata?.principal === principal && isRevoked(metadata, mark);

export const endedAtLogin = (): SessionStateError =>
  new SessionStateError(
    'ENDED',
    'This login is not valid: while it ran, all sessions of the user were ended, or newer logins took its place. Log in again.',
    409,
  );

/** Whether an error says so. Nothing of such a login may be written later. */
export const isEndedAtLogin = (error: unknown): boolean =>
  error instanceof SessionStateError && error.statusCode === 409;

/** Whether a record that express-session wrote is younger than the mark. If nothing tells its age, it is not. */
export function isYoungerThan(mark: RevocationMark, loaded: LoadedRecord | undefined): boolean {
  const at = writtenAt(loaded?.record.cookie()) ?? loaded?.record.metadata?.seenAt;
  return mark.nonce === '' || (at !== undefined && at > mark.at);
}

/** When express-session last wrote the record, computed from its cookie. */
function writtenAt(cookie: unknown): number | undefined {
  const { originalMaxAge, expires } = (cookie ?? {}) as { originalMaxAge?: unknown; expires?: unknown };
  const end = typeof expires === 'string' ? Date.parse(expires) : Number.NaN;
  return typeof originalMaxAge === 'number' && Number.isFinite(end) ? end - originalMaxAge : undefined;
}
