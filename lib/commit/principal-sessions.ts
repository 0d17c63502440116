import { derivePrincipal } from '../session/derived-principal.js';
import { SessionStateError, TooManySessionsError } from '../common/errors.js';
import { type SessionMetadata, isOf, type MayEnd, type Place } from '../record/session-metadata.js';
import { PrincipalRecords, type PrincipalState, type RevocationMark, revoked } from './principal-record.js';
import type { SessionManager } from '../session-manager.js';
import type { ListedRecord, LoadedRecord } from '../record/session-records.js';

/** Less than a clock tells, more than a number of this size loses. */
const STEP_MS = 0.001;
/** A login that is not done after this time has failed: its process died, or its store did not answer. */
const PLACE_LIFE_MS = 30_000;
/** How long a failed login is remembered, as the store may still write its session. */
const FAILED_MEMORY_MS = 10 * 60_000;
const MOST_FAILED = 32;
const LONGEST_REQUEST_MS = 60_000;

/** When a login began: its time, and the nonce of the revocation mark as it stood then. */
export interface LoginMoment {
  readonly at: number;
  readonly mark: string;
}

/** What a session that comes to be a principal's is written with. */
export interface Admission {
  readonly principal: string;
  readonly handle: string;
  /** The nonce of the revocation mark that the session is held against from now on. */
  readonly mark: string;
  /** The login's number; `undefined` without a limit. */
  readonly number: number | undefined;
  /** The session is written, and counts by itself. */
  readonly isSettled?: true;
}

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

/**
 * The sessions of one principal: how many there may be, and which `revokeAll()` has ended.
 *
 * A login takes a place in the principal's record by compare-and-swap before anything else is written, so the store decides who came first,
 * and a refused login changes nothing. Then its session is written, and then the place is given up in a second swap, which finds out whether a
 * `revokeAll()` or a newer login has come between. A login that does neither in time counts as never made.
 */
export class PrincipalSessions {
  private readonly states: PrincipalRecords;
  private lastLogin = Number.NEGATIVE_INFINITY;

  constructor(private readonly manager: SessionManager) {
    this.states = new PrincipalRecords(manager.records, manager.options);
  }

  private get records() {
    return this.manager.records;
  }

  /** Whether there is a limit that this store can hold. */
  get isLimited(): boolean {
    if (this.manager.options.maxSessionsPerPrincipal === Number.POSITIVE_INFINITY) return false;
    if (this.records.canList) return true;
    this.manager.warnOnce(
      'cap',
      `"maxSessionsPerPrincipal" can't be held: this session store (${this.manager.store.constructor.name}) can't list sessions.`,
    );
    return false;
  }

  /** The live sessions of a principal, newest login first, each once: also one whose id is being replaced. */
  async of(principal: string): Promise<ListedRecord[]> {
    return this.settledOf(principal, this.isLimited ? await this.states.read(principal) : { places: [] });
  }

  private async settledOf(principal: string, { places }: Pick<PrincipalState, 'places'>): Promise<ListedRecord[]> {
    const underWay = new Set(places.filter(({ isInPlace }) => isInPlace !== true).map(({ number }) => number));
    const sessions = await this.withRenewed(principal);
    return distinct(
      sessions.filter(
        ({ record: { metadata } }) => metadata!.replaced === undefined && !underWay.has(metadata!.loginNumber ?? 0),
      ),
    );
  }

  /**
   * The same with ids that were replaced and still lead on to the new one. Who ends sessions asks for these: between the moment when a list
   * begins and the moment when a record is read, its session may have gone on under an id that is not in the list.
   */
  async withRenewed(principal: string): Promise<ListedRecord[]> {
    return (await this.toEnd(principal)).filter(({ record }) => this.manager.isInTime(record.metadata!));
  }

  /** The same with those that are over by this process's clock, which may be wrong: others may still let them in. */
  async toEnd(principal: string): Promise<ListedRecord[]> {
    const found: ListedRecord[] = [];
    for await (const listed of this.records.list({ principal }, 'expired too')) {
      const metadata = listed.record.metadata;
      if (metadata !== undefined && metadata.principal === principal && metadata.revokedUntil === undefined)
        found.push(listed);
    }
    return found.sort((a, b) => newestFirst(a.record.metadata!, b.record.metadata!));
  }

  /**
   * When a login begins: later than all that was ended, whatever the clocks of other machines said.
   *
   * @param handle of the session that logs in.
   * @throws TooManySessionsError if `onTooMany` is `reject` and there is no room.
   */
  async beforeLogin(principal: string, handle: string): Promise<LoginMoment> {
    const state = await this.states.read(principal);
    await this.assertRoom(principal, handle, state);
    return this.moment(state.mark);
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

  private moment(mark: RevocationMark): LoginMoment {
    return { at: this.inOrder(Math.max(this.manager.now(), mark.at + STEP_MS)), mark: mark.nonce };
  }

  /** Logins within a millisecond get times in their order. */
  private inOrder(at: number): number {
    const tie = at <= this.lastLogin && at > this.lastLogin - 1;
    return (this.lastLogin = tie ? this.lastLogin + STEP_MS : at);
  }

  /** Tells a login that has no chance at once. Whether there is room is decided by `admit`. */
  private async assertRoom(principal: string, handle: string, state: PrincipalState): Promise<void> {
    const { maxSessionsPerPrincipal: limit, onTooMany } = this.manager.options;
    if (onTooMany !== 'reject' || !this.isLimited) return;
    const handles = new Set((await this.settledOf(principal, state)).map(({ record }) => record.metadata!.handle));
    handles.delete(handle);
    if (handles.size >= limit) throw new TooManySessionsError(limit);
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
    let surplus: Holder[] = [];
    const state = await this.states.change(principal, async (before) => {
      assertBeganAfter(before.mark, applicant);
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
      await this.withdraw(admission).catch((failure: unknown) => this.manager.noteStoreFailure('save', failure));
      throw error;
    }
    return admission;
  }

  /** Who has a place, the newest login first: sessions, and logins that are under way. */
  private async holders(
    state: PrincipalState,
    { principal, handle }: Applicant,
  ): Promise<{ holders: Holder[]; highest: number }> {
    const now = this.manager.now();
    const holders = new Map<string, Holder>();
    const add = (h: string, number: number, at: number, record?: ListedRecord): void => {
      const before = holders.get(h) ?? { handle: h, number: 0, since: 0, records: [] };
      holders.set(h, {
        handle: h,
        number: Math.max(before.number, number),
        since: Math.max(before.since, at),
        records: record === undefined ? before.records : [...before.records, record],
      });
    };
    for (const { number, handle: other, until } of state.places) if (until > now) add(other, number, 0);
    const replaced: ListedRecord[] = [];
    for (const listed of await this.withRenewed(principal)) {
      const metadata = listed.record.metadata!;
      if (isFailed(metadata, state.places, now)) await this.end(listed);
      else if (metadata.replaced !== undefined) replaced.push(listed);
      else add(metadata.handle, metadata.loginNumber ?? 0, since(metadata), listed);
    }
    for (const listed of replaced) {
      const { handle: h } = listed.record.metadata!;
      // The session may have gone on under an id that the list didn't hold yet.
      if (h === handle || holders.has(h)) continue;
      const next = (await this.manager.writer.successorOf(listed.record.metadata!))?.metadata;
      if (next?.principal === principal) add(h, next.loginNumber ?? 0, since(next), listed);
    }
    const highest = Math.max(0, ...[...holders.values()].map((each) => each.number));
    holders.delete(handle);
    const inOrder = [...holders.values()].sort(
      (a, b) => b.number - a.number || b.since - a.since || (a.handle < b.handle ? 1 : -1),
    );
    return { holders: inOrder, highest };
  }

  private surplus(holders: readonly Holder[], { mustBeAdmitted }: Applicant): Holder[] {
    const { maxSessionsPerPrincipal: limit, onTooMany } = this.manager.options;
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
    const now = this.manager.now();
    const lost = new Set([handle, ...surplus.map((each) => each.handle)]);
    const places = before.places
      .map((place) => (lost.has(place.handle) ? { ...place, until: 0 } : place))
      .filter(({ until }) => until === 0 || until + FAILED_MEMORY_MS > now);
    const failed = places.filter(({ until }) => until === 0).slice(-MOST_FAILED);
    const mine: Place = { number, handle, until: now + PLACE_LIFE_MS, isInPlace };
    return { ...before, lastNumber: number, places: [...failed, ...places.filter(({ until }) => until !== 0), mine] };
  }

  private async evict(principal: string, { handle, records }: Holder): Promise<void> {
    for (const { key } of records) {
      if (await this.manager.writer.end(key, this.manager.idOfKey(key), undefined, isOf(principal)))
        this.manager.events.emit('evicted', key, { handle, principal });
    }
  }

  private async end({ key, record }: LoadedRecord): Promise<void> {
    await this.manager.writer.end(key, this.manager.idOfKey(key), undefined, isOf(record.metadata!.principal));
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
      isIn = mine !== undefined && mine.until > this.manager.now() && stands(state.mark, mark, handle);
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

  /**
   * Ends a session whose principal was logged out everywhere, whether or not an index knows it. A session knows the mark that stood when it
   * came to be its principal's, so no clock decides; one without (written by version 0.1) is told by its time.
   */
  async endIfRevoked({ key, record }: LoadedRecord): Promise<boolean> {
    const { metadata } = record;
    if (metadata?.principal === undefined) return false;
    const { mark } = await this.states.read(metadata.principal);
    if (!isRevoked(metadata, mark)) return false;
    if (await this.manager.writer.end(key, this.manager.idOfKey(key), undefined, isRevokedOf(metadata.principal, mark)))
      this.manager.events.emit('revoked', key, { handle: metadata.handle, principal: metadata.principal });
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
    const principal = derivePrincipal(this.manager.options.principalOf, values);
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
    const { mark } = await this.states.change(principal, (state) => revoked(state, this.manager.now(), except));
    // One without a mark of its own was listed, so in doubt it ends, whatever the clocks say.
    return (metadata) =>
      metadata?.principal === principal &&
      metadata.handle !== except &&
      (metadata.revocationNonce === undefined || isRevoked(metadata, mark));
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

/** One of those who share a principal's limit. */
interface Holder {
  readonly handle: string;
  readonly number: number;
  readonly since: number;
  readonly records: ListedRecord[];
}

/** Whether a session was written for a login that failed. */
function isFailed(metadata: SessionMetadata, places: readonly Place[], now: number): boolean {
  const place =
    metadata.loginNumber === undefined ? undefined : places.find(({ number }) => number === metadata.loginNumber);
  return place !== undefined && place.until <= now && place.isInPlace !== true;
}

/** Whether a login that saw one mark still counts now that there is this one. A mark that the store has lost ends nothing. */
function stands(mark: RevocationMark, seen: string, handle: string): boolean {
  return mark.nonce === '' || mark.nonce === seen || (mark.except === handle && mark.before.includes(seen));
}

/** Whether a mark ends a session. A session that doesn't say which mark it began with is told by its time. */
function isRevoked(metadata: SessionMetadata, mark: RevocationMark): boolean {
  if (metadata.revocationNonce !== undefined) return !stands(mark, metadata.revocationNonce, metadata.handle);
  return mark.nonce !== '' && mark.except !== metadata.handle && since(metadata) < mark.at;
}

const isRevokedOf =
  (principal: string, mark: RevocationMark): MayEnd =>
  (metadata) =>
    metadata?.principal === principal && isRevoked(metadata, mark);

/** Since when a session is its principal's. */
export const since = (metadata: SessionMetadata): number =>
  metadata.authenticatedAt ?? metadata.principalSince ?? metadata.createdAt;

export function newestFirst(a: SessionMetadata, b: SessionMetadata): number {
  return since(b) - since(a) || (a.handle < b.handle ? 1 : a.handle > b.handle ? -1 : 0);
}

/** One of each handle: while its id is replaced, a session may be there twice. */
function distinct(records: readonly ListedRecord[]): ListedRecord[] {
  const seen = new Set<string>();
  return records.filter(({ record }) => {
    const { handle: h } = record.metadata!;
    return seen.has(h) ? false : Boolean(seen.add(h));
  });
}

export const endedAtLogin = (): SessionStateError =>
  new SessionStateError(
    'ENDED',
    'The login does not count: while it was made, all sessions of the user were ended, or newer logins took its place. Log in again.',
    409,
  );

/** When a peer last wrote a record, where its cookie tells. */
function writtenAt(cookie: unknown): number | undefined {
  const { originalMaxAge, expires } = (cookie ?? {}) as { originalMaxAge?: unknown; expires?: unknown };
  const end = typeof expires === 'string' ? Date.parse(expires) : Number.NaN;
  return typeof originalMaxAge === 'number' && Number.isFinite(end) ? end - originalMaxAge : undefined;
}
