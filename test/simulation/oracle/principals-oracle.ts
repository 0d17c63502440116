import { NEVER_ENDED, type Observation } from '../history.js';
import { Facts, isAfter, isOver, SKEW } from './facts.js';

/** Invariant 7: nothing of one principal is in another's session. */
export class PrincipalsOracle extends Facts {
  protected checkAll(): void {
    // Of a clock that is wrong by an hour or a day, only 2, 3, 5 and 9 are asked (10).
    if (this.isJumping) return;
    this.checkPrincipals();
    this.checkForgotten();
  }

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
}
