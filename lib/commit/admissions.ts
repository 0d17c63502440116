import { TooManySessionsError } from '../common/errors.js';
import { isOf, type Place, type SessionMetadata } from '../record/session-metadata.js';
import type { ListedRecord, LoadedRecord } from '../record/session-records.js';
import type { Admission } from '../session/session-state.js';
import type { CommitServices } from './commit-services.js';
import { type Holder, Holders } from './holders.js';
import type { PrincipalList } from './principal-list.js';
import type { PrincipalRecords, PrincipalState } from './principal-records.js';
import type { RecordFinder } from './record-finder.js';
import { isRevoked, type RevocationMark, stands } from './revocation-mark.js';
import { endedAtLogin, isRevokedOf, isYoungerThan, type LoginMoment, type Revocations } from './revocations.js';
import type { SessionEnder } from './session-ender.js';

/** A login that is not complete after this time has failed: its process died, or its store did not answer. */
const PLACE_LIFE_MS = 30_000;
/** How long a failed login is remembered. Until then the store may still write its session. */
const FAILED_MEMORY_MS = 10 * 60_000;
const MOST_FAILED = 32;
const LONGEST_REQUEST_MS = 60_000;

/** The session that asks for a place among its principal's sessions. */
export interface Applicant {
  readonly principal: string;
  readonly handle: string;
  /** The nonce of the revocation mark when the login began. `undefined`: there was no `login()`. */
  readonly mark: string | undefined;
  /** Called with the nonce of the mark that stands when the session first asks. */
  readonly onMark: (nonce: string) => void;
  /** When the request began. If there was no `login()`, this time is compared with the last `revokeAll()`. */
  readonly began: number;
  /** The session is already in the store, and its id does not change. */
  readonly isInPlace: boolean;
  /**
   * The record, if its data named the principal before anybody asked. No caller could be told of a refusal, so the
   * session is admitted even if there are too many.
   */
  readonly adopted: LoadedRecord | undefined;
}

/**
 * Enforces how many sessions a principal may have.
 *
 * 1. A login first takes a place in the principal's record by compare-and-swap. So the store decides which login came
 * first, and a refused login has changed nothing.
 * 2. Then its session is written.
 * 3. A second swap gives up the place. It fails if a `revokeAll()` or a newer login came in between.
 *
 * A login that does not get through the second swap in time is treated as if it never happened.
 */
export class Admissions {
  constructor(
    private readonly services: CommitServices,
    private readonly states: PrincipalRecords,
    private readonly list: PrincipalList,
    private readonly ender: SessionEnder,
    private readonly finder: RecordFinder,
    private readonly revocations: Revocations,
  ) {}

  get isLimited(): boolean {
    return this.list.isLimited;
  }

  /**
   * Called when a login begins. Throws early if there is no room; `admit` decides.
   *
   * @param handle of the session that logs in.
   * @throws TooManySessionsError if `onTooMany` is `reject` and there is no room.
   */
  async beforeLogin(principal: string, handle: string): Promise<LoginMoment> {
    const state = await this.states.read(principal);
    const { maxSessionsPerPrincipal: limit, onTooMany } = this.services.options;
    if (onTooMany === 'reject' && this.isLimited) {
      const sessions = await this.list.settled(principal, state);
      const handles = new Set(sessions.map(({ record }) => record.metadata!.handle));
      handles.delete(handle);
      if (handles.size >= limit) throw new TooManySessionsError(limit);
    }
    return this.revocations.moment(state.mark);
  }

  /**
   * Takes a place for a session that is about to be written. Ends the oldest sessions if there are too many.
   *
   * @throws TooManySessionsError if `onTooMany` is `reject` and there is no room. Nothing was changed.
   * @throws SessionStateError `ENDED` if all sessions of the principal were ended since the login began.
   */
  async admit(applicant: Applicant): Promise<Admission> {
    const { principal, handle, mark } = applicant;
    if (!this.isLimited) {
      if (mark !== undefined) return { principal, handle, mark, number: undefined };
      const state = await this.states.read(principal);
      assertBeganAfter(state.mark, applicant);
      applicant.onMark(state.mark.nonce);
      return { principal, handle, mark: state.mark.nonce, number: undefined };
    }
    let surplus: readonly Holder[] = [];
    let failed: readonly ListedRecord[] = [];
    // Without login(), the mark that the first read finds counts as the one when the login began.
    let seen = mark;
    const state = await this.states.change(principal, async (before) => {
      assertBeganAfter(before.mark, { ...applicant, mark: seen });
      seen ??= before.mark.nonce;
      applicant.onMark(seen);
      const now = this.services.now();
      const holders = await this.holders(before, applicant, now);
      surplus = this.surplus(holders.newestFirst(handle), applicant);
      failed = holders.failed;
      // The store may have lost the principal's record. The sessions' own numbers keep a number from being given twice.
      const number = 1 + Math.max(before.lastNumber, holders.highest);
      return this.withPlace(before, applicant, number, surplus, now);
    });
    const admission = { principal, handle, mark: mark ?? state.mark.nonce, number: state.lastNumber };
    try {
      // Only after the swap, which fails these logins for good: by another process's clock they may still be under way.
      for (const each of failed) await this.ender.endListed(each, isOf(principal, each.record.metadata!.handle));
      for (const each of surplus) await this.evict(principal, each);
    } catch (error) {
      // If this fails too, the place lapses by itself.
      await this.withdraw(admission).catch((failure: unknown) => this.services.notices.storeFailed('save', failure));
      throw error;
    }
    return admission;
  }

  /** Who shares the limit now. */
  private async holders(
    state: PrincipalState,
    { principal, handle }: Pick<Applicant, 'principal' | 'handle'>,
    now: number,
  ): Promise<Holders> {
    const holders = new Holders();
    for (const place of state.places) if (place.until > now) holders.add(place.handle, place.number, 0);
    const replaced: ListedRecord[] = [];
    const pending: ListedRecord[] = [];
    for (const listed of await this.list.withReplaced(principal)) {
      const metadata = listed.record.metadata!;
      if (isFailed(metadata, state.places, now)) holders.failed.push(listed);
      else if (metadata.replaced !== undefined) replaced.push(listed);
      // A process that died may have written a session after the revokeAll() that ended it.
      else if (isRevoked(metadata, state.mark)) await this.ender.endListed(listed, isRevokedOf(principal, state.mark));
      else if (metadata.isPending === true) pending.push(listed);
      else holders.addListed(listed, metadata);
    }
    for (const listed of replaced) {
      const metadata = listed.record.metadata!;
      // The session may have changed its id to one that the list did not contain yet.
      if (metadata.handle === handle || holders.has(metadata.handle)) continue;
      const next = (await this.finder.successorOf(metadata))?.metadata;
      // With another handle it is a different session, which is counted by itself.
      if (next?.principal !== principal || next.handle !== metadata.handle) continue;
      if (isRevoked(next, state.mark)) await this.ender.endListed(listed, isRevokedOf(principal, state.mark));
      else holders.addListed(listed, next);
    }
    // A pending record counts only together with its session, and ends with it.
    for (const listed of pending) {
      const metadata = listed.record.metadata!;
      if (holders.has(metadata.handle)) holders.addListed(listed, metadata);
    }
    return holders;
  }

  /** The holders to end so that the applicant has room. */
  private surplus(holders: readonly Holder[], { adopted }: Applicant): readonly Holder[] {
    const { maxSessionsPerPrincipal: limit, onTooMany } = this.services.options;
    if (holders.length < limit) return [];
    if (onTooMany === 'evict-oldest') return holders.slice(limit - 1);
    if (adopted !== undefined) return [];
    throw new TooManySessionsError(limit);
  }

  private withPlace(
    before: PrincipalState,
    { handle, isInPlace }: Applicant,
    number: number,
    surplus: readonly Holder[],
    now: number,
  ): PrincipalState {
    const lost = new Set([handle, ...surplus.map((each) => each.handle)]);
    const isLost = (place: Place): boolean =>
      lost.has(place.handle) || (place.until <= now && place.isInPlace !== true);
    const places = before.places
      .map((place) => (isLost(place) ? { ...place, until: 0 } : place))
      .filter(({ until }) => until === 0 || until + FAILED_MEMORY_MS > now);
    const failed = places.filter(({ until }) => until === 0).slice(-MOST_FAILED);
    const mine: Place = { number, handle, until: now + PLACE_LIFE_MS, isInPlace };
    return { ...before, lastNumber: number, places: [...failed, ...places.filter(({ until }) => until !== 0), mine] };
  }

  /** For a session that was restored: a login that began meanwhile may have counted without it. */
  async evictSurplus(principal: string): Promise<void> {
    if (!this.isLimited) return;
    const state = await this.states.read(principal);
    const holders = await this.holders(state, { principal, handle: '' }, this.services.now());
    const surplus = holders.newestFirst('').slice(this.services.options.maxSessionsPerPrincipal);
    for (const each of surplus) await this.evict(principal, each);
  }

  private async evict(principal: string, { handle, records }: Holder): Promise<void> {
    for (const listed of records) {
      if (await this.ender.endListed(listed, isOf(principal, handle)))
        this.services.events.emit('evicted', listed.key, { handle, principal });
    }
  }

  /**
   * Gives up the place of a session that has been written. From then on the session itself counts.
   *
   * @returns false if a `revokeAll()` or a newer login came in between, so the session must be removed.
   */
  async settle({ principal, handle, mark, number }: Admission): Promise<boolean> {
    if (number === undefined) return stands((await this.states.read(principal)).mark, mark, handle);
    let isIn = false;
    await this.states.change(principal, (state) => {
      const mine = state.places.find((place) => place.number === number);
      // Only this login removes its own place. So the swap before this one succeeded, and only its reply was lost.
      if (isIn && mine === undefined) return undefined;
      isIn = mine !== undefined && mine.until > this.services.now() && stands(state.mark, mark, handle);
      return isIn ? { ...state, places: state.places.filter((place) => place !== mine) } : undefined;
    });
    return isIn;
  }

  /** For a login that failed: frees its place. A session that the store may still write for it counts as failed. */
  async withdraw({ principal, number }: Admission): Promise<void> {
    if (number === undefined) return;
    await this.states.change(principal, (state) =>
      state.places.some((place) => place.number === number && place.until !== 0)
        ? { ...state, places: state.places.map((place) => (place.number === number ? { ...place, until: 0 } : place)) }
        : undefined,
    );
  }
}

/**
 * Without `login()`, only the times tell which came first: a request that began at most a minute before a `revokeAll()`
 * is refused. If the clocks are further apart than that, it is not refused.
 */
function assertBeganAfter(mark: RevocationMark, { mark: seen, began, handle, adopted }: Applicant): void {
  if (mark.nonce === '') return;
  if (adopted !== undefined) {
    if (mark.except !== handle && !isYoungerThan(mark, adopted)) throw endedAtLogin();
    return;
  }
  const ahead = mark.at - began;
  const isLate = seen === undefined && mark.except !== handle && ahead > 0 && ahead < LONGEST_REQUEST_MS;
  if (isLate || (seen !== undefined && !stands(mark, seen, handle))) throw endedAtLogin();
}

/** Whether the session belongs to a login that failed. */
function isFailed(metadata: SessionMetadata, places: readonly Place[], now: number): boolean {
  const { loginNumber } = metadata;
  const place = loginNumber === undefined ? undefined : places.find(({ number }) => number === loginNumber);
  return place !== undefined && place.until <= now && place.isInPlace !== true;
}
