import { NEVER_ENDED, type Observation, type Operation, type Point } from '../history.js';
import { RENEW_GRACE } from '../plan.js';
import { Facts, isAfter, isOver, SKEW, START } from './facts.js';

/** Invariant 1: changes of the data, and the session that a renewed id leads to. */
export class DataOracle extends Facts {
  protected checkAll(): void {
    // Of a clock that is wrong by an hour or a day, only 2, 3, 5 and 9 are asked (10).
    if (this.isJumping) return;
    this.checkUpdates();
    this.checkChanges();
    this.checkDeletions();
    this.checkRenewals();
  }

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

  /** Whether a login or the like may have replaced the id of a session after a point. */
  private mayBeReplaced(handle: string, since: Point): boolean {
    return this.operations.some(
      (each) =>
        (each.verb.do === 'login' || each.verb.do === 'confirm' || each.verb.do === 'derive') &&
        (each.handleBefore === handle || each.handle === handle) &&
        isAfter(this.doneAt(each), since),
    );
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
}
