import { createHash } from 'node:crypto';
import {
  type History,
  NEVER_ENDED,
  type Observation,
  type Operation,
  type Point,
  type RequestRecord,
} from '../history.js';
import type { Invariant, Violation } from './invariants.js';

/** Clocks that count as right differ by this at most, in ms. */
export const SKEW = 2_000;

/** Before all that happens. */
export const START: Point = { step: -1, time: 0 };

export const isOver = (request: RequestRecord): boolean => request.status !== undefined && request.status < 400;
export const isAfter = (a: Point, b: Point): boolean => a.step > b.step;

/** What can be read from a history: who logged in when, what may have ended a session, which requests had it. */
export abstract class Facts {
  private readonly found: Violation[] = [];
  protected readonly operations: Operation[];
  protected readonly isJumping: boolean;

  constructor(protected readonly history: History) {
    this.operations = history.requests.flatMap(({ operations }) => operations);
    this.isJumping = history.plan.config.trouble === 'jumps';
  }

  /** Holds the history against the invariants of this class. */
  check(): Violation[] {
    this.checkAll();
    return this.found;
  }

  protected abstract checkAll(): void;

  /** Notes that an invariant broke; of each, only the first time counts. */
  protected fail(invariant: Invariant, what: string): void {
    if (!this.found.some((each) => each.invariant === invariant)) this.found.push({ invariant, what });
  }

  /** When what an operation did counts as acknowledged. */
  protected acknowledged({ verb, outcome, ended, request }: Operation): Point | undefined {
    if (outcome !== 'ok') return undefined;
    if (verb.do === 'update' || verb.do === 'logout' || verb.do === 'destroy') return ended;
    return isOver(request) ? request.released : undefined;
  }

  protected get seen(): readonly Observation[] {
    return this.history.observations;
  }

  /** Whether the store lost the record of an id. */
  protected isLost(id: string | undefined): boolean {
    if (id === undefined) return false;
    const key = this.history.plan.config.hashIds ? createHash('sha256').update(id).digest('base64url') : id;
    return this.history.lostKeys.includes(key);
  }

  protected *endings(): Generator<{ handle: string; at: Point; what: string; began?: Point; principal?: string }> {
    for (const each of this.operations) {
      const { verb, handleBefore } = each;
      const at = this.acknowledged(each);
      if (at === undefined || handleBefore === undefined) continue;
      const ends =
        verb.do === 'logout' ||
        verb.do === 'destroy' ||
        (verb.do === 'unset' && this.history.plan.config.unset === 'destroy');
      // A request with an id that a login replaced has nothing to end.
      if (!ends || !this.isKnown(handleBefore, each.request)) continue;
      // Of two logins in one session, one has another handle, which the simulator didn't see. Its own logout ended that one.
      if (this.hasRivalLogin(each.request)) continue;
      // Nothing else leads from an id to a session that is nobody's, or that another request has made nobody's.
      const isNobodys =
        each.principalBefore === undefined ||
        this.operations.some((other) => other.verb.do === 'forget' && other.handleBefore === handleBefore);
      if (!isNobodys || !this.isLost(each.request.sentId))
        yield { handle: handleBefore, at, what: `${verb.do} ${each.id}` };
    }
    for (const { action, outcome, result, handle, began, ended } of this.history.registry)
      // A session is found by its handle only in the index.
      if (action.do === 'revoke' && outcome === 'ok' && result === true && this.history.lostEntries.length === 0)
        yield { handle: handle!, at: ended, what: 'revoke', began, principal: action.principal };
  }

  /** Whether an earlier request had a session of this handle, so that it is in the store. */
  protected isKnown(handle: string, by: RequestRecord): boolean {
    return this.history.requests.some(
      (request) =>
        request !== by &&
        (request.endHandle === handle || request.operations.some((each) => each.handle === handle)) &&
        !isAfter(request.began, by.began),
    );
  }

  protected loginsOf(principal: string): Operation[] {
    return this.operations.filter(
      ({ verb }) => (verb.do === 'login' || verb.do === 'derive') && verb.principal === principal,
    );
  }

  /** The id that a request gave, and those that it was replaced by. */
  protected idsFrom({ setId }: RequestRecord): Set<string | undefined> {
    const ids = new Set<string | undefined>(setId ? [setId] : []);
    for (const each of this.history.requests) if (each.setId && ids.has(each.sentId)) ids.add(each.setId);
    return ids;
  }

  /** The sessions that a request, and those before it that gave it its id, began with. */
  protected handlesBefore(request: RequestRecord): Set<string> {
    const line = new Set([request]);
    for (const { sentId } of line)
      for (const before of this.history.requests) if (sentId !== undefined && before.setId === sentId) line.add(before);
    const handles = [...line].flatMap(({ operations }) => operations.map(({ handleBefore }) => handleBefore));
    return new Set(handles.filter((handle) => handle !== undefined));
  }

  /** Whether something that did not end before `since` may have ended a session, or made it another's. */
  protected mayHaveEnded(handle: string, since: Point, by: RequestRecord, byRegistry = true): boolean {
    const { unset } = this.history.plan.config;
    const ends = (each: Operation): boolean => {
      if (each.request === by || each.handleBefore !== handle) return false;
      if (isAfter(since, each.request.died ? NEVER_ENDED : this.doneAt(each))) return false;
      const { verb } = each;
      switch (verb.do) {
        case 'logout':
        case 'destroy':
        case 'regenerate':
        case 'forget':
          return true;
        case 'unset':
          return unset === 'destroy';
        case 'login':
        case 'derive':
          return each.principalBefore !== undefined && verb.principal !== each.principalBefore;
        default:
          return false;
      }
    };
    if (this.operations.some(ends)) return true;
    if (!byRegistry) return false;
    return this.history.registry.some(({ action, handle: meant, ended, outcome }) => {
      const end = outcome === 'ok' ? ended : NEVER_ENDED;
      if (!isAfter(end, since)) return false;
      if (action.do === 'revoke') return meant === handle;
      // Of two requests that began with one id and changed it, or if a revoke() ended the old session, one got another handle, which the
      // simulator didn't see.
      const hasOtherHandle = this.hasRival(by) || this.history.registry.some((each) => each.action.do === 'revoke');
      return action.do === 'revokeAll' && !(action.spares && meant === handle && !hasOtherHandle);
    });
  }

  /** Whether another request logged in in the session in which this one did. */
  protected hasRivalLogin(request: RequestRecord): boolean {
    const handles = request.operations
      .filter(({ verb }) => verb.do === 'login')
      .map(({ handleBefore }) => handleBefore);
    return this.operations.some(
      ({ verb, request: other, handleBefore }) =>
        (verb.do === 'login' || verb.do === 'derive') && other !== request && handles.includes(handleBefore),
    );
  }

  /** Whether another request changed the same id. */
  protected hasRival({ sentId, name }: RequestRecord): boolean {
    return this.history.requests.some(
      (other) => other.name !== name && sentId !== undefined && other.sentId === sentId && Boolean(other.setId),
    );
  }

  protected doneAt(each: Operation): Point {
    return each.outcome === 'ok' && isOver(each.request) ? each.request.released : NEVER_ENDED;
  }

  /** Whether a login that another request made since may have evicted sessions. */
  protected mayBeEvictedSince(since: Point, by: RequestRecord): boolean {
    const { cap, onTooMany } = this.history.plan.config;
    // A login as somebody else leaves the session of before, and the next one in the same request may evict that.
    const logsInTwice = by.operations.filter(({ verb }) => verb.do === 'login' || verb.do === 'derive').length > 1;
    return (
      cap !== undefined &&
      onTooMany === 'evict-oldest' &&
      this.operations.some(
        (each) =>
          (each.verb.do === 'login' || each.verb.do === 'confirm' || each.verb.do === 'derive') &&
          (each.request !== by || logsInTwice) &&
          isAfter(this.doneAt(each), since),
      )
    );
  }

  /** The requests with the session that failed, or whose answer never came: each may have changed its id. */
  protected changesThatFailed(
    handle: string,
    by: RequestRecord,
    ids: ReadonlySet<string | undefined> = new Set([by.setId]),
  ): RequestRecord[] {
    return this.history.requests.filter(
      (request) =>
        request !== by &&
        (request.died || !isOver(request)) &&
        (request.operations.some((each) => each.handleBefore === handle || each.handle === handle) ||
          this.seen.some((seen) => seen.began === request.began && seen.handle === handle) ||
          (request.sentId !== undefined && ids.has(request.sentId))),
    );
  }
}
