import type { Operation, RequestRecord } from '../history.js';
import { SETTLED_AFTER } from '../world.js';
import { Facts, isAfter, isOver } from './facts.js';

/** Invariant 4: how many sessions a principal has, and what a refused login leaves. */
export class CapOracle extends Facts {
  protected checkAll(): void {
    // Of a clock that is wrong by an hour or a day, only 2, 3, 5 and 9 are asked (10).
    if (this.isJumping) return;
    if (this.history.lostMarks.length === 0) this.checkCap();
    this.checkRefused();
  }

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
}
