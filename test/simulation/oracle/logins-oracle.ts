import { NEVER_ENDED, type Operation, type RequestRecord } from '../history.js';
import { IDLE_TIMEOUT } from '../plan.js';
import { SETTLED_AFTER } from '../world.js';
import { Facts, isAfter, isOver } from './facts.js';

/** Invariants 5, 6 and 10: what a login gives, and what is left of one whose answer was lost. */
export class LoginsOracle extends Facts {
  protected checkAll(): void {
    this.checkLogins();
    this.checkFuture();
    // Of a clock that is wrong by an hour or a day, no more is asked.
    if (!this.isJumping) this.checkGhosts();
  }

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
    // After renewGrace its id led nowhere: that browser was given a new session, beside which the old one may not be restored.
    const known = [login.handle, request.endHandle];
    const isNew = ({ sentId, setId, operations: [first] }: RequestRecord): boolean =>
      Boolean(setId) && setId !== sentId && first?.handleBefore !== undefined && !known.includes(first.handleBefore);
    if (failed.length > 0 && followers.some(isNew)) return;
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

  private checkFuture(): void {
    for (const seen of this.seen)
      if (seen.authenticatedAt !== undefined && seen.authenticatedAt > seen.clock + 5_000)
        this.fail('future-login', `a login lies ${seen.authenticatedAt - seen.clock} ms ahead`);
  }
}
