import { TooManySessionsError } from '../common/errors.js';
import { isOf, type Place, type SessionMetadata } from '../record/session-metadata.js';
import type { ListedRecord } from '../record/session-records.js';
import type { Admission } from '../session/session-state.js';
import type { CommitServices } from './commit-services.js';
import type { PrincipalList } from './principal-list.js';
import type { PrincipalRecords, PrincipalState } from './principal-records.js';
import type { RecordFinder } from './record-finder.js';
import { isRevoked, type RevocationMark, since, stands } from './revocation-mark.js';
import { endedAtLogin, type LoginMoment, type Revocations } from './revocations.js';
import type { SessionEnder } from './session-ender.js';

/** A login that is not done after this time has failed: its process died, or its store did not answer. */
const PLACE_LIFE_MS = 30_000;
/** How long a failed login is remembered, as the store may still write its session. */
const FAILED_MEMORY_MS = 10 * 60_000;
const MOST_FAILED = 32;
const LONGEST_REQUEST_MS = 60_000;

/** Who asks to be admitted. */
export interface Applicant {
  readonly principal: string;
  readonly handle: string;
  /** The mark that stood when the login began; `undefined`: there was no `login()`. */
  readonly mark: string | undefined;
  /** When the request began, by which a principal that appears without `login()` is held against a `revokeAll()`. */
  readonly began: number;
  /** The session is in the store already, and stays under its id. */
  readonly isInPlace: boolean;
  /** Nobody is there to be told of a refusal. */
  readonly mustBeAdmitted: boolean;
}

/** One of those who share a principal's limit. */
interface Holder {
  readonly handle: string;
  readonly number: number;
  readonly since: number;
  readonly records: readonly ListedRecord[];
}

/**
 * How many sessions a principal may have.
 *
 * A login takes a place in the principal's record by compare-and-swap before anything else is written, so the store decides who came first,
 * and a refused login changes nothing. Then its session is written, and then the place is given up in a second swap, which finds out whether a
 * `revokeAll()` or a newer login has come between. A login that does neither in time counts as never made.
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
   * When a login begins. Whether there is room is decided by `admit`; one that has no chance is told at once.
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
   * Takes a place for a session that is about to be written, and ends the oldest sessions if there are too many.
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
      return { principal, handle, mark: state.mark.nonce, number: undefined };
    }
    let surplus: readonly Holder[] = [];
    // Without login(), it begins when the store first tells what mark stands.
    let seen = mark;
    const state = await this.states.change(principal, async (before) => {
      assertBeganAfter(before.mark, { ...applicant, mark: seen });
      seen ??= before.mark.nonce;
      const { holders, highest } = await this.holders(before, applicant);
      surplus = this.surplus(holders, applicant);
      // The store may have lost the record: no number is given twice as long as its session lives.
      const number = 1 + Math.max(before.lastNumber, highest);
      return this.withPlace(before, applicant, number, surplus);
    });
    const admission = { principal, handle, mark: mark ?? state.mark.nonce, number: state.lastNumber };
    try {
      for (const each of surplus) await this.evict(principal, each);
    } catch (error) {
      // It lapses by itself if that fails, too.
      await this.withdraw(admission).catch((failure: unknown) => this.services.notices.storeFailed('save', failure));
      throw error;
    }
    return admission;
  }

  /** Who has a place, the newest login first: sessions, and logins that are under way. */
  private async holders(
    state: PrincipalState,
    { principal, handle }: Applicant,
  ): Promise<{ holders: Holder[]; highest: number }> {
    const now = this.services.now();
    const holders = new Map<string, Holder>();
    const add = (of: string, number: number, at: number, record?: ListedRecord): void => {
      const before = holders.get(of) ?? { handle: of, number: 0, since: 0, records: [] };
      holders.set(of, {
        handle: of,
        number: Math.max(before.number, number),
        since: Math.max(before.since, at),
        records: record === undefined ? before.records : [...before.records, record],
      });
    };
    for (const place of state.places) if (place.until > now) add(place.handle, place.number, 0);
    const replaced: ListedRecord[] = [];
    for (const listed of await this.list.withReplaced(principal)) {
      const metadata = listed.record.metadata!;
      // What a revokeAll() ended is no session: a process that died may have written it after that.
      if (isFailed(metadata, state.places, now) || isRevoked(metadata, state.mark))
        await this.ender.endListed(listed, isOf(principal));
      else if (metadata.replaced !== undefined) replaced.push(listed);
      else add(metadata.handle, metadata.loginNumber ?? 0, since(metadata), listed);
    }
    for (const listed of replaced) {
      const metadata = listed.record.metadata!;
      // The session may have gone on under an id that the list didn't hold yet.
      if (metadata.handle === handle || holders.has(metadata.handle)) continue;
      const next = (await this.finder.successorOf(metadata))?.metadata;
      // Under another handle it is another session, which counts by itself.
      if (next?.principal === principal && next.handle === metadata.handle)
        add(metadata.handle, next.loginNumber ?? 0, since(next), listed);
    }
    const highest = Math.max(0, ...[...holders.values()].map((each) => each.number));
    holders.delete(handle);
    return { holders: [...holders.values()].sort(newestHolderFirst), highest };
  }

  /** Those who have to go. */
  private surplus(holders: readonly Holder[], { mustBeAdmitted }: Applicant): readonly Holder[] {
    const { maxSessionsPerPrincipal: limit, onTooMany } = this.services.options;
    if (holders.length < limit) return [];
    if (onTooMany === 'evict-oldest') return holders.slice(limit - 1);
    if (mustBeAdmitted) return [];
    throw new TooManySessionsError(limit);
  }

  private withPlace(
    before: PrincipalState,
    { handle, isInPlace }: Applicant,
    number: number,
    surplus: readonly Holder[],
  ): PrincipalState {
    const now = this.services.now();
    const lost = new Set([handle, ...surplus.map((each) => each.handle)]);
    const places = before.places
      .map((place) => (lost.has(place.handle) ? { ...place, until: 0 } : place))
      .filter(({ until }) => until === 0 || until + FAILED_MEMORY_MS > now);
    const failed = places.filter(({ until }) => until === 0).slice(-MOST_FAILED);
    const mine: Place = { number, handle, until: now + PLACE_LIFE_MS, isInPlace };
    return { ...before, lastNumber: number, places: [...failed, ...places.filter(({ until }) => until !== 0), mine] };
  }

  private async evict(principal: string, { handle, records }: Holder): Promise<void> {
    for (const listed of records) {
      if (await this.ender.endListed(listed, isOf(principal)))
        this.services.events.emit('evicted', listed.key, { handle, principal });
    }
  }

  /**
   * Whether a session that has been written may stay: gives up its place, from where on it counts by itself.
   *
   * @returns false if a `revokeAll()` or a newer login came between.
   */
  async settle({ principal, handle, mark, number }: Admission): Promise<boolean> {
    if (number === undefined) return stands((await this.states.read(principal)).mark, mark, handle);
    let isIn = false;
    await this.states.change(principal, (state) => {
      const mine = state.places.find((place) => place.number === number);
      // Nobody else takes a place away: the swap before this one was done, and only its reply was lost.
      if (isIn && mine === undefined) return undefined;
      isIn = mine !== undefined && mine.until > this.services.now() && stands(state.mark, mark, handle);
      return isIn ? { ...state, places: state.places.filter((place) => place !== mine) } : undefined;
    });
    return isIn;
  }

  /** The login failed: its place is free at once, and a session that the store may still write counts as failed. */
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
 * Without `login()`, times alone tell what came first: a login that began shortly before a `revokeAll()` is refused. A clock that is off by
 * more than that refuses nobody.
 */
function assertBeganAfter(mark: RevocationMark, { mark: seen, began, handle, mustBeAdmitted }: Applicant): void {
  if (mustBeAdmitted || mark.nonce === '') return;
  const ahead = mark.at - began;
  const isLate = seen === undefined && mark.except !== handle && ahead > 0 && ahead < LONGEST_REQUEST_MS;
  if (isLate || (seen !== undefined && !stands(mark, seen, handle))) throw endedAtLogin();
}

const newestHolderFirst = (a: Holder, b: Holder): number =>
  b.number - a.number || b.since - a.since || (a.handle < b.handle ? 1 : -1);

/** Whether a session was written for a login that failed. */
function isFailed(metadata: SessionMetadata, places: readonly Place[], now: number): boolean {
  const { loginNumber } = metadata;
  const place = loginNumber === undefined ? undefined : places.find(({ number }) => number === loginNumber);
  return place !== undefined && place.until <= now && place.isInPlace !== true;
}
