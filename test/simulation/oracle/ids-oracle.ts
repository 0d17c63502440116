import type { RequestRecord } from '../history.js';
import { RENEW_GRACE } from '../plan.js';
import { Facts, isAfter, isOver, SKEW } from './facts.js';

/** Invariants 2 and 8: cookies, and the ids from before a login. */
export class IdsOracle extends Facts {
  protected checkAll(): void {
    // Of a clock that is wrong by an hour or a day, only 2, 3, 5 and 9 are asked (10).
    if (this.isJumping) return;
    this.checkCookies();
    // With another clock, a session may be over for one process and not yet for the next.
    if (!this.history.plan.config.expiring) this.checkOldIds();
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

  /** Before when no request has replaced an id. Until `renewGrace` after that, the store knows that it was replaced. */
  private firstChange(id: string | undefined): number {
    const changing = this.history.requests.filter((each) => each.sentId === id && (each.setId || !isOver(each)));
    return Math.min(...changing.map(({ began }) => began.time));
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
      // With an id that was replaced, data are not saved.
      if (isDerived && !request.setId && !this.isKnown(handleBefore!, request)) continue;
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
}
