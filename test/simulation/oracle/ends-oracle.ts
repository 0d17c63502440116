import type { Observation, Operation, Point } from '../history.js';
import { TOUCH_INTERVAL } from '../plan.js';
import { Facts, isAfter, isOver, SKEW } from './facts.js';

/** Invariants 2 and 3: what has ended stays ended. */
export class EndsOracle extends Facts {
  protected checkAll(): void {
    this.checkEnded();
    if (this.history.lostMarks.length === 0) this.checkRevoked();
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
    for (const { handle, at, what, began, principal } of this.endings()) {
      if (
        began !== undefined &&
        (this.isOfFailedLogin(handle, began, at, principal) || this.isSentAgain(handle, began))
      )
        continue;
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
   * login that succeeds beside it, or later, counts as after the revoke(); one of another principal isn't meant by it.
   */
  private isOfFailedLogin(handle: string, began: Point, ended: Point, principal: string | undefined): boolean {
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
          (verb.do === 'login' || verb.do === 'derive') &&
          outcome === 'ok' &&
          (isOver(request) || Boolean(request.setId)) &&
          (isAfter(request.released, began) || verb.principal !== principal),
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

  /** When a login begins: when the store first hears of it. Of a read that is sent again, only the last reply counts. */
  private beginOf({ verb, heard, ended, request }: Operation): Point {
    const isSentAgain = this.history.plan.faults.some(({ kind }) => kind === 'repeated');
    const first = isSentAgain ? undefined : heard;
    // A login by data asks the store only when it is written.
    return first ?? (verb.do === 'derive' ? request.released : ended);
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
}
