import { SessionStateError } from '../common/errors.js';
import type { MayEnd, SessionMetadata } from '../record/session-metadata.js';
import type { LoadedRecord } from '../record/session-records.js';
import { derivePrincipal } from '../options/principal-of.js';
import type { CommitServices } from './commit-services.js';
import { type PrincipalRecords, revoked } from './principal-records.js';
import { isRevoked, type RevocationMark } from './revocation-mark.js';
import type { SessionEnder } from './session-ender.js';

/** Less than a clock tells, more than a number of this size loses. */
const STEP_MS = 0.001;

/** When a login began: its time, and the nonce of the revocation mark as it stood then. */
export interface LoginMoment {
  readonly at: number;
  readonly mark: string;
}

/**
 * Which sessions `revokeAll()` has ended. A session knows the mark that stood when it came to be its principal's, so no clock decides, and no
 * index has to know it; one without (written by version 0.1) is told by its time.
 */
export class Revocations {
  private lastLogin = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly services: CommitServices,
    private readonly states: PrincipalRecords,
    private readonly ender: SessionEnder,
  ) {}

  /** When a login begins: later than all that was ended, whatever the clocks of other machines said. */
  moment(mark: RevocationMark): LoginMoment {
    return { at: this.inOrder(Math.max(this.services.now(), mark.at + STEP_MS)), mark: mark.nonce };
  }

  /** Logins within a millisecond get times in their order. */
  private inOrder(at: number): number {
    const tie = at <= this.lastLogin && at > this.lastLogin - 1;
    return (this.lastLogin = tie ? this.lastLogin + STEP_MS : at);
  }

  /**
   * The same for who is logged in already.
   *
   * @returns `undefined` if the session's principal was logged out everywhere since.
   */
  async beforeConfirmation(principal: string, metadata: SessionMetadata): Promise<LoginMoment | undefined> {
    const { mark } = await this.states.read(principal);
    return metadata.principal === principal && isRevoked(metadata, mark) ? undefined : this.moment(mark);
  }

  /** Ends a session whose principal was logged out everywhere, whether or not an index knows it. */
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

  /** Tells which sessions of a principal `revokeAll()` has ended. */
  async revokedOf(principal: string): Promise<MayEnd> {
    return isRevokedOf(principal, (await this.states.read(principal)).mark);
  }

  /**
   * Whether a record that only a peer has written may be taken over. One that was there when its owner's sessions were ended may not, and
   * neither may one whose age its cookie doesn't tell.
   */
  async mayAdopt(loaded: LoadedRecord): Promise<boolean> {
    const values = loaded.record.data();
    if (typeof values === 'string') return true;
    const principal = derivePrincipal(this.services.options.principalOf, values);
    if (principal === undefined) return true;
    const { mark } = await this.states.read(principal);
    return mark.nonce === '' || (writtenAt(loaded.record.cookie()) ?? Number.NEGATIVE_INFINITY) > mark.at;
  }

  /**
   * From now on no session counts that the principal came by before this moment, indexed or not.
   *
   * @param except the handle of the session that stays.
   * @returns tells which of the principal's sessions that is about.
   */
  async markRevoked(principal: string, except = ''): Promise<MayEnd> {
    const { mark } = await this.states.change(principal, (state) => revoked(state, this.services.now(), except));
    // One without a mark of its own was listed, so in doubt it ends, whatever the clocks say.
    return (metadata) =>
      metadata?.principal === principal &&
      metadata.handle !== except &&
      (metadata.revocationNonce === undefined || isRevoked(metadata, mark));
  }
}

const isRevokedOf =
  (principal: string, mark: RevocationMark): MayEnd =>
  (metadata) =>
    metadata?.principal === principal && isRevoked(metadata, mark);

export const endedAtLogin = (): SessionStateError =>
  new SessionStateError(
    'ENDED',
    'The login does not count: while it was made, all sessions of the user were ended, or newer logins took its place. Log in again.',
    409,
  );

/** Whether a login was told so: nothing of it may be written later. */
export const isEndedAtLogin = (error: unknown): boolean =>
  error instanceof SessionStateError && error.statusCode === 409;

/** When a peer last wrote a record, where its cookie tells. */
function writtenAt(cookie: unknown): number | undefined {
  const { originalMaxAge, expires } = (cookie ?? {}) as { originalMaxAge?: unknown; expires?: unknown };
  const end = typeof expires === 'string' ? Date.parse(expires) : Number.NaN;
  return typeof originalMaxAge === 'number' && Number.isFinite(end) ? end - originalMaxAge : undefined;
}
