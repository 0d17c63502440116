import { createHash } from 'node:crypto';
import {
  type History,
  NEVER_ENDED,
  type Observation,
  type Operation,
  type Point,
  type RequestRecord,
} from './history.js';
import { IDLE_TIMEOUT, RENEW_GRACE, STORE_TIMEOUT, TOUCH_INTERVAL } from './plan.js';
import { SETTLED_AFTER } from './world.js';

/** The promises, by name. docs/simulation.md has a sentence on each. */
export const INVARIANTS = {
  'update-lost': '1: an acknowledged update() is in the session',
  'update-twice': '1: an update() is done once',
  'change-lost': '1: an acknowledged change of a key is there until somebody changes or deletes that key later',
  'late-change-lost': '1: the same, if the id was replaced by a login or confirmLogin() while the request ran',
  'deletion-lost': '1: a deletion beats a change that was made without knowing of it',
  'ended-lives': '2: after an acknowledged logout, destroy or unset, no later request finds the session',
  'handle-revoked-lives': '2: the same after an acknowledged revoke()',
  'renewed-lost': '1: for renewGrace, an id that was renewed leads to the session, unless something ended it',
  'regenerated-lives': '2: after an acknowledged regenerate(), the old id leads to nothing',
  'logout-keeps-cookie': '2: a logout that is answered with success clears the cookie',
  'revoked-lives': '3: after an acknowledged revokeAll(), no session of a login that began before it lets anyone in',
  'revoked-opens': '3: registry.open() gives no session that a revokeAll() ended, index or not',
  'over-cap': '4: at a quiet moment a principal has at most maxSessionsPerPrincipal sessions',
  'refused-lost': '4: a login that is refused leaves the visitor what he had',
  'refused-with-room': '4: a login is refused only if there is no room',
  'login-without-cookie': '5: a login answered with success sets a cookie',
  'login-dead':
    '5: a login answered with success has a live session, unless something that did not end before it began ended it',
  'lost-by-failure': '5: the same, if an id change of that session that failed is all that could have ended it',
  ghost: '6: a session whose Set-Cookie never reached a response is gone within seconds (with a cap)',
  'ghost-without-cap': '6: the same without a cap, where a ghost may live if that is documented',
  'leaked-data': "7: one principal's data is never in another's session",
  'shared-handle': '7: a handle is never that of two principals',
  'leaked-cookie-life': "7: one principal's cookie life is never another's",
  'leaked-times': '7: a session that somebody logged in to is no older than that login',
  'forgotten-stands': '7: whoever deletes a key that login() was given is not logged in any more',
  'old-id-lives': '8: the id from before a login or confirmLogin() lets nobody in afterwards',
  'old-id-lives-derived': '8: the same for a principal that appears without login()',
  'old-id-sets-cookie': '8: a request that begins with an id that a login replaced sets no cookie, unless it logs in',
  'future-login': '10: no login counts that lies in the future',
  'waits-for-ever': '9: every request ends',
  'waits-too-long': '9: no request waits longer than storeTimeout and the bound',
  unhandled: 'no promise of the engine fails with nobody there',
  'server-error': 'no verb fails for a reason that has no name',
} as const;

export type Invariant = keyof typeof INVARIANTS;

export interface Violation {
  readonly invariant: Invariant;
  readonly what: string;
}

/** The bound of invariant 9, beside `storeTimeout`, in ms. */
export const WAIT_BOUND = STORE_TIMEOUT;
/** Steps of a run take a moment themselves, in ms. */
const LEEWAY = 5;
/** A method of the registry makes a call for each session, one after another, and each of these has the bound. */
const FOREVER_ASKED = 20 * STORE_TIMEOUT;
/** Clocks that count as right differ by this at most, in ms. */
const SKEW = 2_000;

/** Before all that happens. */
const START: Point = { step: -1, time: 0 };

const isOver = (request: RequestRecord): boolean => request.status !== undefined && request.status < 400;
const isAfter = (a: Point, b: Point): boolean => a.step > b.step;

/** Holds a history against the promises. It says nothing where a fault leaves open what has to be. */
export function check(history: History): Violation[] {
  return new Oracle(history).check();
}

class Oracle {
  private readonly found: Violation[] = [];
  private readonly operations: Operation[];
  private readonly isJumping: boolean;

  constructor(private readonly history: History) {
    this.operations = history.requests.flatMap(({ operations }) => operations);
    this.isJumping = history.plan.config.trouble === 'jumps';
  }

  check(): Violation[] {
    this.checkEnded();
    if (this.history.lostMarks.length === 0) this.checkRevoked();
    this.checkLogins();
    this.checkWaits();
    // Of a clock that is wrong by an hour or a day, only what comes above is asked (10).
    if (!this.isJumping) {
      this.checkUpdates();
      this.checkChanges();
      this.checkDeletions();
      this.checkCookies();
      this.checkRenewals();
      if (this.history.lostMarks.length === 0) this.checkCap();
      this.checkRefused();
      this.checkGhosts();
      this.checkPrincipals();
      this.checkForgotten();
      // With another clock, a session may be over for one process and not yet for the next.
      if (!this.history.plan.config.expiring) this.checkOldIds();
    }
    this.checkFuture();
    for (const message of this.history.unhandled) this.fail('unhandled', message);
    return this.found;
  }

  private fail(invariant: Invariant, what: string): void {
    if (!this.found.some((each) => each.invariant === invariant)) this.found.push({ invariant, what });
  }

  /** When what an operation did counts as acknowledged. */
  private acknowledged({ verb, outcome, ended, request }: Operation): Point | undefined {
    if (outcome !== 'ok') return undefined;
    if (verb.do === 'update' || verb.do === 'logout' || verb.do === 'destroy') return ended;
    return isOver(request) ? request.released : undefined;
  }

  private get seen(): readonly Observation[] {
    return this.history.observations;
  }

  // --- 1

  private checkUpdates(): void {
    const updates = new Map<string, { began: Point; acknowledged: Point | undefined; handle: string | undefined }>();
    for (const each of this.operations)
      if (each.verb.do === 'update')
        updates.set(each.id, { began: each.began, acknowledged: this.acknowledged(each), handle: each.handle });
    for (const each of this.history.registry)
      if (each.updateId !== undefined)
        updates.set(each.updateId, {
          began: each.began,
          acknowledged: each.outcome === 'ok' ? each.ended : undefined,
          handle: typeof each.result === 'string' ? each.result : undefined,
        });
    for (const seen of this.seen) {
      const done = (seen.data.done ?? {}) as Record<string, number>;
      for (const [id, times] of Object.entries(done))
        if (times > 1) this.fail('update-twice', `update ${id} was done ${times} times`);
      for (const [id, { acknowledged, handle }] of updates)
        if (handle === seen.handle && !seen.isNew && acknowledged !== undefined && isAfter(seen.began, acknowledged))
          if (done[id] === undefined) this.fail('update-lost', `update ${id} is not in ${seen.handle}`);
    }
  }

  private checkChanges(): void {
    for (const seen of this.seen) {
      if (seen.isNew) continue;
      for (const key of ['cart', 'note']) this.checkKey(seen, key);
    }
  }

  private checkKey(seen: Observation, key: string): void {
    const writes = this.operations.filter(
      ({ verb, handle, began }) =>
        (verb.do === 'set' || verb.do === 'delete') &&
        verb.key === key &&
        handle === seen.handle &&
        !isAfter(began, seen.at),
    );
    if (writes.length === 0) return;
    const value = seen.data[key] as string | undefined;
    const writer = writes.find((each) => each.value === value && value !== undefined);
    // The writes that could have given this value, and whether one that was acknowledged came after all of them.
    const givers =
      value === undefined ? writes.filter(({ verb }) => verb.do === 'delete') : writer === undefined ? [] : [writer];
    for (const write of writes) {
      const saved = this.savedAt(write);
      if (saved === undefined || !isAfter(seen.began, saved)) continue;
      // The store lost the very record that it was for.
      if (this.isLost(write.request.sentId)) continue;
      if (write.verb.do === 'delete' ? value === undefined : write.value === value) continue;
      // Anything that overlaps it or came later may have won.
      const later = givers.some((each) => !this.endedBefore(each, write));
      if (later) continue;
      // A later write may have been undone only by its own kind, so the value that is there has to come from somewhere.
      const others = writes.some((each) => each !== write && !this.endedBefore(each, write) && givers.includes(each));
      if (others) continue;
      // The request got a session of its own, as the one that it began with had ended.
      const ids = this.idsFrom(write.request);
      const isOwn = (other: Observation): boolean => other.data[key] === write.value || other.handle !== write.handle;
      if (this.seen.some((other) => ids.has(other.sentId) && !other.isNew && isOwn(other))) continue;
      if (this.hasRival(write.request) && write.request.operations.some(({ verb }) => verb.do === 'login')) continue;
      const isLate = this.replacedDuring(write);
      this.fail(
        isLate ? 'late-change-lost' : 'change-lost',
        `${write.id} (${write.verb.do} ${key}) was acknowledged; a later request finds ${value ?? 'nothing'}`,
      );
    }
  }

  /** A deletion whose whole request lay between the read and the commit of a change wins over it. */
  private checkDeletions(): void {
    for (const change of this.operations) {
      if (change.verb.do !== 'set' || this.savedAt(change) === undefined) continue;
      const { request, handle } = change;
      const { key } = change.verb;
      if (request.operations.length > 1) continue;
      const read = this.seen.find(({ began, sentId }) => began === request.began && sentId === request.sentId);
      if (read === undefined || read.isNew || read.data[key] === undefined) continue;
      const deletion = this.operations.find(
        (each) =>
          each.verb.do === 'delete' &&
          each.verb.key === key &&
          each.handle === handle &&
          each.request.operations.length === 1 &&
          isAfter(each.request.began, read.at) &&
          change.heard !== undefined &&
          isAfter(change.heard, each.request.released) &&
          this.seen.some((other) => other.began === each.request.began && other.data[key] !== undefined),
      );
      if (deletion === undefined || this.savedAt(deletion) === undefined) continue;
      // Somebody who knew of the deletion may have set the key again.
      const others = this.operations.some(
        ({ verb, request: other }) =>
          verb.do === 'set' && verb.key === key && other !== request && isAfter(other.released, deletion.request.began),
      );
      if (others) continue;
      const found = this.seen.find(
        (seen) => seen.handle === handle && seen.data[key] === change.value && isAfter(seen.began, request.released),
      );
      if (found !== undefined)
        this.fail('deletion-lost', `${deletion.id} deleted "${key}"; ${change.id} brought it back`);
    }
  }

  private checkCookies(): void {
    for (const request of [...this.history.requests, ...this.history.probes]) {
      // The store may have lost the record that says that the id was replaced.
      if (!isOver(request) || this.history.lostKeys.length > 0) continue;
      const does = (...names: string[]): boolean => request.operations.some(({ verb }) => names.includes(verb.do));
      const last = request.operations.at(-1);
      if (
        (last?.verb.do === 'logout' || last?.verb.do === 'destroy') &&
        request.sentId !== undefined &&
        this.isKnown(last.handleBefore!, request) &&
        request.setId !== ''
      )
        this.fail('logout-keeps-cookie', `${last.id} was answered with ${request.status}, and the cookie stays`);
      if (!request.setId || request.sentId === undefined || does('login', 'derive', 'regenerate')) continue;
      const replaced = this.operations.find(
        ({ verb, outcome, handleBefore, request: other }) =>
          (verb.do === 'login' || verb.do === 'confirm') &&
          outcome === 'ok' &&
          isOver(other) &&
          other.sentId === request.sentId &&
          this.isKnown(handleBefore!, other) &&
          Boolean(other.setId) &&
          !other.operations.some((each) => each.verb.do === 'reload' || each.verb.do === 'unset') &&
          isAfter(request.began, other.released) &&
          !this.history.plan.config.expiring &&
          this.firstChange(request.sentId) + RENEW_GRACE - SKEW > request.released.time &&
          !this.endedBeside(other) &&
          !this.mayBeEvictedSince(other.began, other),
      );
      if (replaced !== undefined)
        this.fail('old-id-sets-cookie', `${request.name} sent an id that ${replaced.id} replaced, and got a cookie`);
    }
  }

  /** An id that was renewed leads to the session for a while, as requests that the browser had sent before may have it. */
  private checkRenewals(): void {
    const { plan, lostKeys } = this.history;
    if (plan.config.expiring || lostKeys.length > 0) return;
    const changing = ['login', 'confirm', 'derive', 'regenerate', 'logout', 'destroy', 'unset', 'forget'];
    for (const request of this.history.requests) {
      const { sentId, setId, began, released, operations, endHandle: handle } = request;
      if (!isOver(request) || sentId === undefined || !setId || setId === sentId || handle === undefined) continue;
      if (!this.isKnown(handle, request) || operations.some(({ verb }) => changing.includes(verb.do))) continue;
      // Another request with this id failed, or its process died: it may have renewed it earlier.
      if (this.history.requests.some((each) => each.sentId === sentId && !isOver(each))) continue;
      if (this.mayHaveEnded(handle, START, request) || this.mayBeReplaced(handle, began)) continue;
      if (this.mayBeEvictedSince(began, request)) continue;
      const end = began.time + RENEW_GRACE - SKEW;
      const lost = this.seen.find(
        (seen) =>
          seen.sentId === sentId &&
          isAfter(seen.began, released) &&
          seen.began.time < end &&
          (seen.isNew || seen.handle !== handle),
      );
      if (lost !== undefined)
        this.fail('renewed-lost', `${request.name} renewed the id of ${handle}; a request with the old id loses it`);
    }
  }

  /** Before when no request has replaced an id. Until `renewGrace` after that, the store knows that it was replaced. */
  private firstChange(id: string | undefined): number {
    const changing = this.history.requests.filter((each) => each.sentId === id && (each.setId || !isOver(each)));
    return Math.min(...changing.map(({ began }) => began.time));
  }

  /** Whether a login that another request made since may have evicted sessions. */
  private mayBeEvictedSince(since: Point, by: RequestRecord): boolean {
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

  /** Whether a login or the like may have replaced the id of a session after a point. */
  private mayBeReplaced(handle: string, since: Point): boolean {
    return this.operations.some(
      (each) =>
        (each.verb.do === 'login' || each.verb.do === 'confirm' || each.verb.do === 'derive') &&
        (each.handleBefore === handle || each.handle === handle) &&
        isAfter(this.doneAt(each), since),
    );
  }

  /** Whether something else ended the session whose id a request replaced: then its record is gone, and nothing says that it was replaced. */
  private endedBeside(request: RequestRecord): boolean {
    const handles = this.handlesBefore(request);
    return (
      this.operations.some(
        ({ verb, request: other }) =>
          ['logout', 'destroy', 'unset', 'regenerate'].includes(verb.do) &&
          other !== request &&
          (other.sentId === request.sentId || other.operations.some((each) => handles.has(each.handleBefore!))),
      ) || this.history.registry.some(({ action }) => action.do === 'revoke' || action.do === 'revokeAll')
    );
  }

  private checkFuture(): void {
    for (const seen of this.seen)
      if (seen.authenticatedAt !== undefined && seen.authenticatedAt > seen.clock + 5_000)
        this.fail('future-login', `a login lies ${seen.authenticatedAt - seen.clock} ms ahead`);
  }

  /** When a plain change was acknowledged: with the answer. */
  private savedAt(write: Operation): Point | undefined {
    if (write.outcome !== 'ok' || !isOver(write.request)) return undefined;
    // What came after it in the same handler may have taken it back.
    const after = write.request.operations.slice(write.request.operations.indexOf(write) + 1);
    if (after.some(({ verb }) => ['reload', 'unset', 'logout', 'destroy', 'regenerate', 'login'].includes(verb.do)))
      return undefined;
    if (
      after.some(
        ({ verb }) => (verb.do === 'set' || verb.do === 'delete') && 'key' in write.verb && verb.key === write.verb.key,
      )
    )
      return undefined;
    return write.request.released;
  }

  /** Whether the store lost the record of an id. */
  private isLost(id: string | undefined): boolean {
    if (id === undefined) return false;
    const key = this.history.plan.config.hashIds ? createHash('sha256').update(id).digest('base64url') : id;
    return this.history.lostKeys.includes(key);
  }

  private endedBefore(a: Operation, b: Operation): boolean {
    if (a === b) return false;
    if (a.request === b.request) return a.request.operations.indexOf(a) < b.request.operations.indexOf(b);
    const end = a.request.died || !isOver(a.request) ? NEVER_ENDED : a.request.released;
    return isAfter(b.request.began, end);
  }

  /** Whether the id of a write's request was replaced by a login or `confirmLogin()` of another request meanwhile. */
  private replacedDuring(write: Operation): boolean {
    return this.operations.some(
      ({ verb, request, handleBefore }) =>
        (verb.do === 'login' || verb.do === 'confirm' || verb.do === 'derive') &&
        request !== write.request &&
        handleBefore === write.handle &&
        isAfter(write.request.released, request.began) &&
        isAfter(request.released, write.request.began),
    );
  }

  // --- 2

  private *endings(): Generator<{ handle: string; at: Point; what: string; began?: Point }> {
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
      // Nothing else leads from an id to a session that is nobody's.
      if (each.principalBefore !== undefined || !this.isLost(each.request.sentId))
        yield { handle: handleBefore, at, what: `${verb.do} ${each.id}` };
    }
    for (const { action, outcome, result, handle, began, ended } of this.history.registry)
      // A session is found by its handle only in the index.
      if (action.do === 'revoke' && outcome === 'ok' && result === true && this.history.lostEntries.length === 0)
        yield { handle: handle!, at: ended, what: 'revoke', began };
  }

  /** Whether an earlier request had a session of this handle, so that it is in the store. */
  private isKnown(handle: string, by: RequestRecord): boolean {
    return this.history.requests.some(
      (request) =>
        request !== by &&
        (request.endHandle === handle || request.operations.some((each) => each.handle === handle)) &&
        !isAfter(request.began, by.began),
    );
  }

  private checkEnded(): void {
    for (const { verb, request, handleBefore, outcome } of this.operations) {
      if (verb.do !== 'regenerate' || outcome !== 'ok' || !isOver(request)) continue;
      const found = this.seen.find(
        (seen) =>
          seen.sentId === request.sentId &&
          seen.handle === handleBefore &&
          !seen.isNew &&
          isAfter(seen.began, request.released),
      );
      if (found !== undefined && this.isKnown(found.handle, request) && !this.isJumping)
        this.fail('regenerated-lives', `${request.name} regenerated ${found.handle}; its old id still leads to it`);
    }
    for (const { handle, at, what, began } of this.endings()) {
      if (began !== undefined && (this.isOfFailedLogin(handle, began, at) || this.isSentAgain(handle, began))) continue;
      // A record of before the login is not the session that was revoked: it lets nobody in.
      const found = this.seen.find(
        (seen) => seen.handle === handle && !seen.isNew && isAfter(seen.began, at) && (what !== 'revoke' || seen.letIn),
      );
      if (found !== undefined)
        this.fail(
          what === 'revoke' ? 'handle-revoked-lives' : 'ended-lives',
          `${what} ended ${handle}; ${found.probe === undefined ? 'a later request' : `a probe (${found.probe})`} finds it${found.letIn ? `, let in as ${found.principal}` : ''}`,
        );
    }
  }

  /**
   * A revoke() beside a login ended the new record, and the request was told so: it keeps the session of before, with the same handle. A
   * login that succeeds beside it, or later, counts as after the revoke().
   */
  private isOfFailedLogin(handle: string, began: Point, ended: Point): boolean {
    const logins = this.operations.filter(
      ({ verb, handleBefore }) =>
        (verb.do === 'login' || verb.do === 'derive' || verb.do === 'confirm') && handleBefore === handle,
    );
    const failed = logins.find(
      ({ request }) => !isOver(request) && isAfter(ended, request.began) && isAfter(request.released, began),
    );
    return (
      failed !== undefined &&
      logins.some(
        ({ verb, outcome, request }) =>
          verb.do !== 'confirm' &&
          outcome === 'ok' &&
          (isOver(request) || Boolean(request.setId)) &&
          isAfter(request.released, began),
      )
    );
  }

  /**
   * A revoke() beside the very login of the session: it ended what the driver then sent again, as it had no answer. The login counts as
   * after it.
   */
  private isSentAgain(handle: string, began: Point): boolean {
    return (
      this.history.plan.faults.some(({ kind }) => kind === 'repeated') &&
      this.operations.some(
        ({ verb, request, handle: given }) =>
          (verb.do === 'login' || verb.do === 'derive') &&
          given === handle &&
          isAfter(began, request.began) &&
          isAfter(request.released, began),
      )
    );
  }

  // --- 3

  private loginsOf(principal: string): Operation[] {
    return this.operations.filter(
      ({ verb }) => (verb.do === 'login' || verb.do === 'derive') && verb.principal === principal,
    );
  }

  /** When a login begins: when the store first hears of it. Of a read that is sent again, only the last reply counts. */
  private beginOf({ verb, heard, ended, request }: Operation): Point {
    const isSentAgain = this.history.plan.faults.some(({ kind }) => kind === 'repeated');
    const first = isSentAgain ? undefined : heard;
    // A login by data asks the store only when it is written.
    return first ?? (verb.do === 'derive' ? request.released : ended);
  }

  private checkRevoked(): void {
    const { config } = this.history.plan;
    for (const { action, outcome, began, ended, handle: spared } of this.history.registry) {
      if (action.do !== 'revokeAll' || outcome !== 'ok') continue;
      const except = action.spares ? spared : undefined;
      const renewed = new Set(
        this.loginsOf(action.principal)
          .filter((login) => isAfter(this.beginOf(login), began))
          .flatMap(({ handle, request }) => [handle, request.endHandle]),
      );
      for (const opened of this.history.registry) {
        const { result: handle } = opened;
        if (opened.action.do !== 'open' || typeof handle !== 'string' || handle === except) continue;
        if (!isAfter(opened.began, ended) || renewed.has(handle) || this.isJumping) continue;
        const known = this.seen.findLast((seen) => seen.handle === handle && isAfter(opened.began, seen.at));
        // It became nobody's before.
        if (this.operations.some((each) => each.verb.do === 'forget' && each.handle === handle)) continue;
        if (known?.letIn !== true || known.principal !== action.principal || this.isOfLateLogin(known, began)) continue;
        this.fail('revoked-opens', `revokeAll(${action.principal}) was acknowledged; later open() gives ${handle}`);
      }
      for (const seen of this.seen) {
        if (!seen.letIn || seen.principal !== action.principal || seen.handle === except) continue;
        if (!isAfter(seen.began, ended) || renewed.has(seen.handle) || this.isOfLateLogin(seen, began)) continue;
        if (except !== undefined && this.isOfSpared(seen, except)) continue;
        if (config.index === 'apart') {
          if (this.isJumping || seen.began.time < ended.time + TOUCH_INTERVAL + 2 * SKEW) continue;
        }
        this.fail(
          'revoked-lives',
          `revokeAll(${action.principal}) was acknowledged at ${ended.time.toFixed(1)}; at ${seen.began.time.toFixed(1)} ${seen.handle} lets in${seen.probe === undefined ? '' : ` a probe (${seen.probe})`}`,
        );
      }
    }
  }

  /** Of a login that began after a point, and whose session has another handle than the handler saw (its old one had ended). */
  private isOfLateLogin(seen: Observation, began: Point): boolean {
    return this.loginsOf(seen.principal!).some(
      (login) => isAfter(this.beginOf(login), began) && this.idsFrom(login.request).has(seen.sentId),
    );
  }

  /** Of a login in a session that was spared, and got another handle, as another request had ended the session. */
  private isOfSpared(seen: Observation, except: string): boolean {
    return this.loginsOf(seen.principal!).some(
      (login) => login.handleBefore === except && this.idsFrom(login.request).has(seen.sentId),
    );
  }

  // --- 4

  private checkCap(): void {
    const { cap } = this.history.plan.config;
    if (cap === undefined || this.history.lostEntries.length > 0 || this.isJumping) return;
    for (const [principal, listed] of this.history.lists) {
      const live = new Set(
        this.seen
          .filter((seen) => seen.probe === 'near' && seen.letIn && seen.principal === principal)
          .map(({ handle }) => handle),
      );
      if (live.size > cap) this.fail('over-cap', `${live.size} sessions of ${principal} let in; the cap is ${cap}`);
      else if (new Set(listed).size > cap)
        this.fail('over-cap', `${listed.length} sessions of ${principal} are listed; the cap is ${cap}`);
    }
  }

  private isRefused(operation: Operation): boolean {
    return operation.error?.startsWith('TooManySessionsError') === true;
  }

  private checkRefused(): void {
    const { cap } = this.history.plan.config;
    if (cap === undefined) return;
    for (const request of this.history.requests) {
      // Refused by the verb, or when it was to be committed.
      const [login, another] = request.operations.filter(({ verb }) => verb.do === 'login');
      if (another !== undefined || login === undefined || login.verb.do !== 'login') continue;
      const refused =
        this.isRefused(login) ||
        (request.status === 409 && login.outcome === 'ok' && this.history.plan.config.onTooMany === 'reject');
      if (!refused) continue;
      if (request.setId === '') this.fail('refused-lost', `${login.id} was refused, and its cookie was cleared`);
      if (this.isRefused(login)) this.checkRoom(login, login.verb.principal, cap);
      this.checkKept(request, login);
    }
  }

  private checkRoom(refused: Operation, principal: string, cap: number): void {
    if (this.history.lostKeys.length > 0 || this.history.lostEntries.length > 0) return;
    const holders = new Set<string>();
    for (const login of this.loginsOf(principal)) {
      if (login === refused || this.isRefused(login)) continue;
      // Refused when it was to be committed; a revokeAll() is answered with the same status.
      const isRevoked = this.history.registry.some((each) => each.action.do === 'revokeAll');
      if (isRevoked && login.request.status === 409) return;
      if (login.request.status === 409 && !login.request.operations.some((each) => this.isRefused(each))) continue;
      if (!isAfter(refused.ended, login.began)) continue;
      // A login that failed may leave its session for some seconds; but an answer that sets a cookie has given the session, whatever its status.
      const failed = !isOver(login.request) && !login.request.setId && !login.request.settled;
      if (failed && login.request.released.time + SETTLED_AFTER < refused.began.time) continue;
      if (failed && login.request.died && login.began.time + SETTLED_AFTER < refused.began.time) continue;
      // Its session may have got another handle, as the old one had ended.
      const ids = this.idsFrom(login.request);
      for (const seen of this.seen)
        if (ids.has(seen.sentId) && !seen.isNew && seen.handle !== refused.handleBefore) holders.add(seen.handle);
      const { handle } = login;
      if (handle === undefined) continue;
      if (handle === refused.handleBefore && !this.mayHaveEnded(handle, login.began, login.request)) continue;
      const ended = [...this.endings()].some(
        (each) =>
          each.handle === handle && isAfter(refused.request.began, each.at) && isAfter(each.at, login.request.released),
      );
      // Of two logins that began with one id, one has another handle, which the simulator didn't see.
      if (!ended) holders.add(this.hasRival(login.request) ? `${handle} as ${login.request.setId}` : handle);
    }
    if (holders.size < cap)
      this.fail(
        'refused-with-room',
        `${refused.id} was refused while ${holders.size} other sessions of ${principal} could be there; the cap is ${cap}`,
      );
  }

  /** The visitor whose login was refused has what he had. */
  private checkKept(request: RequestRecord, login: Operation): void {
    const before = this.seen.find((seen) => seen.began === request.began && seen.sentId === request.sentId);
    if (before === undefined || before.isNew || login.handleBefore !== before.handle) return;
    if (!this.isKnown(before.handle, request)) return;
    // What the handler does beside its login is its own doing.
    if (request.operations.some(({ verb }) => ['logout', 'destroy', 'unset', 'regenerate'].includes(verb.do))) return;
    for (const handle of [before.handle, ...this.handlesBefore(request)])
      if (this.mayHaveEnded(handle, request.began, request)) return;
    if (request.clientLeft || this.history.plan.config.expiring || this.history.lostKeys.length > 0) return;
    if (this.changesThatFailed(before.handle, request).length > 0) return;
    const after = this.seen.find((seen) => seen.probe === 'near' && seen.handle === before.handle && !seen.isNew);
    if (after === undefined)
      this.fail('refused-lost', `${login.id} was refused, and the session ${before.handle} from before it is gone`);
  }

  // --- 5

  private checkLogins(): void {
    for (const request of this.history.requests) {
      const login = request.operations.findLast(({ verb }) => verb.do === 'login');
      if (login === undefined || login.outcome !== 'ok' || !isOver(request) || login.verb.do !== 'login') continue;
      const after = request.operations.slice(request.operations.indexOf(login) + 1);
      // What a handler does after it has logged somebody in is its own doing.
      if (
        after.some(({ verb }) =>
          ['logout', 'destroy', 'unset', 'regenerate', 'derive', 'reload', 'forget'].includes(verb.do),
        )
      )
        continue;
      if (!request.setId || request.setId === request.sentId) {
        // It was written before the handler ended, and something else has ended it since.
        const isWritten = after.some(({ verb }) => verb.do === 'update' || verb.do === 'save');
        if (isWritten && login.handle !== undefined && this.mayHaveEnded(login.handle, login.began, request)) continue;
        this.fail('login-without-cookie', `${login.id} was answered with ${request.status} and no cookie`);
        continue;
      }
      this.checkAlive(request, login, login.verb.principal);
    }
  }

  private checkAlive(request: RequestRecord, login: Operation, principal: string): void {
    if (this.history.plan.config.expiring || this.history.lostKeys.length > 0) return;
    const probes = this.seen.filter(({ probe }) => probe === 'near');
    const ids = this.idsFrom(request);
    const handles = new Set(
      [
        login.handle,
        request.endHandle,
        ...this.history.requests
          .filter(({ sentId }) => ids.has(sentId))
          .flatMap(({ operations }) => operations.map(({ handleBefore }) => handleBefore)),
        ...this.seen.filter(({ sentId, isNew }) => ids.has(sentId) && !isNew).map(({ handle }) => handle),
      ].filter((each) => each !== undefined),
    );
    if (
      probes.some(
        (seen) => seen.letIn && seen.principal === principal && (ids.has(seen.sentId) || handles.has(seen.handle)),
      )
    )
      return;
    // A renewal whose answer never came has the session under an id that no probe knows.
    for (const handle of handles) if (this.mayHaveEnded(handle, login.began, request)) return;
    const followers = this.history.requests.filter(({ sentId }) => ids.has(sentId));
    if ([request, ...followers].some((each) => this.isBehind(each)) || this.mayBeEndedUnseen(request, ids)) return;
    // A logout that began with an id from before it may follow to it.
    for (const handle of this.handlesBefore(request))
      if (this.mayHaveEnded(handle, request.began, request, false)) return;
    if (this.mayBeEvicted(login, principal)) return;
    const failed = [...handles].flatMap((handle) => this.changesThatFailed(handle, request, ids));
    // Its answer would have had the new cookie.
    if (failed.some(({ died, clientLeft }) => died || clientLeft)) return;
    this.fail(
      failed.length > 0 ? 'lost-by-failure' : 'login-dead',
      `${login.id} was answered with ${request.status}; its session admits nobody, and nothing has ended it`,
    );
  }

  /** Whether a request with one of the session's ids may have ended it that took it to be over: it saw a session of its own, and ends what the id leads to. */
  private mayBeEndedUnseen(login: RequestRecord, ids: ReadonlySet<string | undefined>): boolean {
    return (
      this.isJumping &&
      this.operations.some(
        (each) =>
          (each.verb.do === 'logout' || each.verb.do === 'destroy' || each.verb.do === 'unset') &&
          each.request !== login &&
          each.request.sentId !== undefined &&
          (each.request.sentId === login.sentId || ids.has(each.request.sentId)) &&
          !isAfter(login.began, each.request.died ? NEVER_ENDED : this.doneAt(each)),
      )
    );
  }

  /**
   * Whether the process of a login was behind by more than a session lives while it ran. By its clock the session is alive; by all the others'
   * its end was over when it was written. What a process takes to be over itself, it may not answer with success.
   */
  private isBehind({ process, began, released }: RequestRecord): boolean {
    const jumps = this.history.plan.actions.filter((each) => each.kind === 'jump' && each.process === process);
    const [first, back] = jumps.sort((a, b) => a.at - b.at);
    return (
      first?.kind === 'jump' &&
      first.ms < 0 &&
      -first.ms > IDLE_TIMEOUT &&
      released.time >= first.at &&
      (back === undefined || began.time <= back.at)
    );
  }

  /** The id that a request gave, and those that it was replaced by. */
  private idsFrom({ setId }: RequestRecord): Set<string | undefined> {
    const ids = new Set<string | undefined>(setId ? [setId] : []);
    for (const each of this.history.requests) if (each.setId && ids.has(each.sentId)) ids.add(each.setId);
    return ids;
  }

  /** The sessions that a request, and those before it that gave it its id, began with. */
  private handlesBefore(request: RequestRecord): Set<string> {
    const line = new Set([request]);
    for (const { sentId } of line)
      for (const before of this.history.requests) if (sentId !== undefined && before.setId === sentId) line.add(before);
    const handles = [...line].flatMap(({ operations }) => operations.map(({ handleBefore }) => handleBefore));
    return new Set(handles.filter((handle) => handle !== undefined));
  }

  /** Whether something that did not end before `since` may have ended a session, or made it another's. */
  private mayHaveEnded(handle: string, since: Point, by: RequestRecord, byRegistry = true): boolean {
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
  private hasRivalLogin(request: RequestRecord): boolean {
    const handles = request.operations
      .filter(({ verb }) => verb.do === 'login')
      .map(({ handleBefore }) => handleBefore);
    return this.operations.some(
      ({ verb, request: other, handleBefore }) =>
        (verb.do === 'login' || verb.do === 'derive') && other !== request && handles.includes(handleBefore),
    );
  }

  /** Whether another request changed the same id. */
  private hasRival({ sentId, name }: RequestRecord): boolean {
    return this.history.requests.some(
      (other) => other.name !== name && sentId !== undefined && other.sentId === sentId && Boolean(other.setId),
    );
  }

  private doneAt(each: Operation): Point {
    return each.outcome === 'ok' && isOver(each.request) ? each.request.released : NEVER_ENDED;
  }

  private mayBeEvicted(login: Operation, principal: string): boolean {
    const { cap, onTooMany } = this.history.plan.config;
    if (cap === undefined || onTooMany !== 'evict-oldest') return false;
    // Whoever confirms the login is newer too.
    const confirmed = this.operations.filter(
      ({ verb, principalBefore }) => verb.do === 'confirm' && principalBefore === principal,
    );
    const rivals = [...this.loginsOf(principal), ...confirmed].filter(
      (each) => each.request !== login.request && isAfter(this.doneAt(each), login.began),
    );
    return new Set(rivals.map(({ request }) => request)).size >= cap;
  }

  /** The requests with the session that failed, or whose answer never came: each may have changed its id. */
  private changesThatFailed(
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

  // --- 6

  private checkGhosts(): void {
    const { cap } = this.history.plan.config;
    const reachable = new Set(
      this.seen.filter(({ probe, isNew }) => probe !== undefined && !isNew).map(({ handle }) => handle),
    );
    for (const [principal, handles] of this.history.lists) {
      const ghosts = [...new Set(handles)].filter((handle) => !reachable.has(handle));
      if (ghosts.length > this.excusedGhosts(principal))
        this.fail(
          cap === undefined ? 'ghost-without-cap' : 'ghost',
          `${ghosts.join(', ')} of ${principal} is listed ${SETTLED_AFTER / 1_000} s after the last request, and no browser was given its cookie`,
        );
    }
  }

  /**
   * Requests whose client has left, and those whose process died between settling the session and the first byte:
   * its login counted, or it went on to answer, and wrote nothing before that. Without a cap, a ghost of any request
   * that died may live, as the write that this needs costs more than it is worth: it refuses and evicts nobody.
   */
  private excusedGhosts(principal: string): number {
    return this.history.requests.filter(
      ({ died, releasedAfterDeath, settled, clientLeft, operations, sentId }) =>
        clientLeft ||
        (died &&
          (releasedAfterDeath || settled || this.history.plan.config.cap === undefined) &&
          (operations.some(
            (each) =>
              ((each.verb.do === 'login' || each.verb.do === 'derive') && each.verb.principal === principal) ||
              each.principalBefore === principal,
          ) ||
            // It renewed the id by itself.
            this.loginsOf(principal).some(({ request }) => this.idsFrom(request).has(sentId)))),
    ).length;
  }

  // --- 7

  private checkPrincipals(): void {
    const owners = new Map<string, string>();
    for (const seen of this.seen) {
      if (seen.isNew) continue;
      const { principal, handle } = seen;
      if (principal === undefined) continue;
      const owner = owners.get(handle);
      if (owner !== undefined && owner !== principal)
        this.fail('shared-handle', `${handle} was ${owner}'s and is ${principal}'s`);
      owners.set(handle, principal);
      for (const key of ['cart', 'note', 'role']) {
        const from = typeof seen.data[key] === 'string' ? (seen.data[key] as string).split(':')[0] : undefined;
        if (from === undefined || from === 'anonymous' || from === principal) continue;
        // What a request sets before it logs in as somebody else is its own doing.
        const writer = this.operations.find(({ value }) => value === seen.data[key]);
        if (writer?.request.operations.some(({ verb }) => verb.do === 'login' && verb.principal === principal) !== true)
          this.fail('leaked-data', `"${key}" of ${from} is in a session of ${principal} (${seen.data[key] as string})`);
      }
      const life = { 7_200_000: 'ada', 10_800_000: 'bob' }[seen.originalMaxAge ?? 0];
      // What a request sets before it logs in as somebody else is its own doing.
      const ownDoing = this.history.requests.some(
        ({ operations }) =>
          operations.some(({ verb }) => verb.do === 'lengthen') &&
          operations.some(({ verb }) => verb.do === 'login' && verb.principal === principal),
      );
      if (life !== undefined && life !== principal && !ownDoing)
        this.fail('leaked-cookie-life', `the cookie life of ${life} is that of a session of ${principal}`);
      this.checkTimes(seen, principal);
    }
  }

  private checkTimes(seen: Observation, principal: string): void {
    if (this.isJumping || seen.authenticatedAt === undefined) return;
    const logins = this.loginsOf(principal).map(({ request }) => request.began.time);
    const first = Math.min(...logins) - SKEW;
    const EPOCH = 1_767_225_600_000;
    if (logins.length > 0 && Math.min(seen.authenticatedAt, seen.createdAt) - EPOCH < first)
      this.fail('leaked-times', `a session of ${principal} is from before the first login of ${principal} began`);
  }

  private checkForgotten(): void {
    for (const each of this.operations) {
      if (each.verb.do !== 'forget' || each.outcome !== 'ok' || !isOver(each.request)) continue;
      const { handle, request } = each;
      // What a handler does to the key before or after it logs in is its own doing.
      if (
        request.operations.some(({ verb }) =>
          ['reload', 'login', 'confirm', 'derive', 'unset', 'regenerate'].includes(verb.do),
        )
      )
        continue;
      // A login that overlaps it, or came later, may have brought the key back; one without data didn't give it.
      const again = this.operations.some(
        ({ verb, request: other }) =>
          (verb.do === 'login' || verb.do === 'confirm' || verb.do === 'derive') &&
          other !== request &&
          ((verb.do === 'login' && !verb.data) ||
            // It named the user in another key.
            verb.do === 'derive' ||
            isAfter(other.died || !isOver(other) ? NEVER_ENDED : other.released, request.began)),
      );
      if (again) continue;
      const found = this.seen.find(
        (seen) => seen.handle === handle && seen.letIn && isAfter(seen.began, request.released),
      );
      if (found !== undefined)
        this.fail('forgotten-stands', `${each.id} took away "role"; a later request is let in as ${found.principal}`);
    }
  }

  // --- 8

  private checkOldIds(): void {
    for (const operation of this.operations) {
      const { verb, request, idBefore, handleBefore, principalBefore } = operation;
      const isDerived = verb.do === 'derive';
      if (verb.do !== 'login' && verb.do !== 'confirm' && !isDerived) continue;
      if (operation.outcome !== 'ok' || !isOver(request) || request.sentId === undefined) continue;
      const at = request.operations.indexOf(operation);
      if (request.operations.slice(at + 1).some(({ verb: { do: later } }) => later === 'reload' || later === 'unset'))
        continue;
      if (isDerived && (principalBefore !== undefined || request.operations.slice(at + 1).length > 0)) continue;
      if (isDerived && request.operations.some((each) => each.verb.do === 'forget')) continue;
      const old = new Set([request.sentId, ...(idBefore === undefined ? [] : [idBefore])]);
      // Ids of the same session that were given out before.
      for (const each of this.history.requests)
        if (
          each.setId &&
          each.endHandle === handleBefore &&
          isAfter(request.began, each.released) &&
          !this.seen.some((seen) => seen.sentId === each.setId && seen.handle !== handleBefore)
        )
          old.add(each.setId);
      if (request.setId) old.delete(request.setId);
      const found = this.seen.find(
        (seen) =>
          seen.letIn && seen.sentId !== undefined && old.has(seen.sentId) && isAfter(seen.began, request.released),
      );
      if (found !== undefined)
        this.fail(
          isDerived ? 'old-id-lives-derived' : 'old-id-lives',
          `${operation.id} (${verb.do}) was acknowledged; an id from before it lets in ${found.principal}`,
        );
    }
  }

  // --- 9

  /**
   * What each caller of a request waited for: the handler for its session, whoever awaits a verb for the verb, and the response for the commit.
   * A handler that calls several verbs waits for each of them, which is its own doing.
   */
  private *waitsOf(request: RequestRecord): Generator<[string, Point, Point]> {
    const { name, began, handlerBegan, handlerEndedAt, released, operations } = request;
    yield [`${name}: reading the session`, began, handlerBegan === NEVER_ENDED ? released : handlerBegan];
    for (const { id, verb, began: from, ended } of operations)
      if (ended !== NEVER_ENDED) yield [`${id} (${verb.do})`, from, ended];
    if (handlerEndedAt !== NEVER_ENDED) yield [`${name}: the commit`, handlerEndedAt, released];
  }

  private checkWaits(): void {
    for (const request of this.history.requests) {
      if (request.died || request.clientLeft || request.began === NEVER_ENDED) continue;
      if (request.status === undefined) {
        this.fail('waits-for-ever', `${request.name} was never answered`);
        continue;
      }
      const took = request.released.time - request.began.time - request.waited;
      // Without trouble no store call takes longer than some ms.
      const { trouble } = this.history.plan.config;
      if (took > 1_000 && trouble !== 'faults' && trouble !== 'locks')
        this.fail('waits-too-long', `${request.name} took ${Math.round(took)} ms`);
      for (const [what, from, to] of this.waitsOf(request))
        if (to.time - from.time > STORE_TIMEOUT + WAIT_BOUND + LEEWAY)
          this.fail('waits-too-long', `${what} took ${Math.round(to.time - from.time)} ms`);
      if (request.status === 500 && request.error?.startsWith('SessionStateError ENDED') !== true)
        this.fail('server-error', `${request.name}: ${request.error ?? 'status 500'}`);
    }
    for (const { action, outcome, began, ended } of this.history.registry)
      if (outcome !== undefined && ended.time - began.time > FOREVER_ASKED)
        this.fail('waits-too-long', `${action.do} took ${Math.round(ended.time - began.time)} ms`);
      else if (outcome === undefined && ended === NEVER_ENDED && this.history.plan.config.trouble !== 'kills')
        this.fail('waits-for-ever', `${action.do} never answered`);
  }
}
