import { SessionUnavailableError } from '../common/errors.js';
import type { KeyedQueue } from '../common/keyed-queue.js';
import { pause } from '../common/pause.js';
import { draftOf } from '../session/draft.js';
import { isAnothersByRecord, loggedInNow, principalByRecord } from '../session/logged-in.js';
import { saved } from '../session/saved.js';
import { isClosed } from '../stores/session-store.error.js';
import type { SessionCore } from '../session/session-core.js';
import type { Draft } from '../session/session-state.js';
import { handOverTo, loginUndone, startOver } from '../session/succession.js';
import type { WriteResult } from '../stores/session-store.js';
import { applied, take, type UpdateFunction } from './apply-update.js';
import { type CommitServices, MOST_TRIES } from './commit-services.js';
import type { NewRecords } from './new-records.js';
import type { OldRecord, OldRecords } from './old-records.js';
import { assertInTime, markGone, type Operation, type Written } from './operation.js';
import type { Placement } from './placement.js';
import type { RecordFinder } from './record-finder.js';
import { endedAtLogin, isEndedAtLogin } from './revocations.js';
import type { SessionCreator } from './session-creator.js';
import type { SessionSwapper } from './session-swapper.js';

/** How often it is tried again to say that a new record is pending no more. */
const MOST_CONFIRMATIONS = 5;

/** One change of a session's id. */
interface Change {
  readonly core: SessionCore;
  readonly operation: Operation;
  /** The session whose record is replaced: `core` itself, or the one that `core` takes the place of. */
  old: SessionCore;
  readonly fn: UpdateFunction | undefined;
  /** The key of the new record, once it is written. */
  key: string | undefined;
  /** The new record was written, and has to be removed if a later step fails. */
  isWritten: boolean;
  /** The old record, while it is unknown whether the store has replaced it (it did not answer). */
  unsure: OldRecord | undefined;
}

/**
 * Gives a session a new id. The new record is written first. Then the old record is swapped for a small one that names
 * the new id. So if the process dies in between, the visitor still has one of the two.
 */
export class IdChanger {
  constructor(
    private readonly services: CommitServices,
    private readonly queue: KeyedQueue,
    private readonly finder: RecordFinder,
    private readonly newRecords: NewRecords,
    private readonly oldRecords: OldRecords,
    private readonly placement: Placement,
    private readonly creator: SessionCreator,
    private readonly swapper: SessionSwapper,
  ) {}

  async change(core: SessionCore, operation: Operation, fn?: UpdateFunction): Promise<Written> {
    const old = core.replaces ?? core;
    const change: Change = { core, operation, old, fn, key: undefined, isWritten: false, unsure: undefined };
    try {
      return await this.queue.run(old.key, () => this.inTurn(change));
    } finally {
      if (core.admission !== undefined) await this.placement.giveUp(core);
    }
  }

  private async inTurn(change: Change): Promise<Written> {
    try {
      return await this.tryUntilDone(change);
    } catch (error) {
      if (change.isWritten) await this.takeBack(change);
      if (isEndedAtLogin(error)) loginUndone(change.core);
      throw error;
    }
  }

  private async takeBack({ core, key, unsure }: Change): Promise<void> {
    if (unsure?.replaced.replaced!.clientLink !== undefined) {
      // A request that followed the old id may already have sent the new one, so it can't be used again.
      core.dropNewId();
      void this.oldRecords.bringBack(unsure, key);
      return;
    }
    const wasThere = await this.newRecords.takeBack(core, key!);
    // If the new record had gone, someone else has ended the session: the old one stays ended too.
    if (wasThere && unsure !== undefined) void this.oldRecords.bringBack(unsure);
  }

  private async tryUntilDone(change: Change): Promise<Written> {
    const { core, operation, fn } = change;
    const as = core.idChange!;
    for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
      assertInTime(operation, this.services);
      const oldId = change.old.id;
      if (change.old.stored === undefined) {
        const found = await this.finder.current(oldId);
        if (found === undefined) return this.withoutOld(change);
        change.old.rebase(found.loaded, found.id);
        if (change.old === core) this.checkLogin(change);
        if (found.id !== oldId && as === 'renew') return this.goOnAsRenewed(change);
      }
      const { old } = change;
      const made = fn === undefined ? undefined : await applied(core, fn);
      const first = draftOf(core, made?.values);
      const draft = this.placement.isNeeded(first) ? await this.placement.takeOrEnd(core, first, made) : first;
      if (draft === 'ended') return markGone(core, this.services);
      if (draft === 'conflict') {
        core.stored = undefined;
        await pause(attempt);
        continue;
      }
      const id = core.nextId;
      const pending = this.placement.pending(core, made, draft);
      if (!(await this.writeNew(change, id, pending))) {
        await this.placement.undo(change.key!, draft);
        return markGone(core, this.services);
      }
      change.unsure = this.oldRecords.of(old, id, as);
      const result = await this.oldRecords.replace(change.unsure);
      if (result === 'ok') {
        if (pending.metadata.isPending) void this.confirmNew(change.key!, pending, draft);
        // If the response was sent without the new id, undo the change.
        assertInTime(operation, this.services);
        core.id = id;
        take(core, made);
        saved(core, draft);
        const { handle, principal } = draft.metadata;
        this.services.events.emit('renewed', change.key, { handle, principal, reason: as });
        this.placement.noteLogin(change.key!, draft);
        // The new session is another user's, so what the old one had open (sockets, streams) ends.
        if (old.metadata.handle !== handle) this.services.events.hint(old.metadata.handle);
        return 'ok';
      }
      change.unsure = undefined;
      if (result === 'gone') return this.withoutOld(change);
      this.services.counters.conflicts += 1;
      old.stored = undefined;
      await pause(attempt);
    }
    throw new SessionUnavailableError(
      `Other requests changed the session ${MOST_TRIES} times while its id was being changed. Nothing was saved.`,
    );
  }

  /** A login was allowed by the data of before, which another request has changed meanwhile. */
  private checkLogin(change: Change): void {
    const { core } = change;
    const { claim, idChange } = core;
    // It logged the principal out by the data: there is no login left to confirm.
    if (idChange === 'confirm' && principalByRecord(core) !== claim?.principal) throw endedAtLogin();
    if (idChange !== 'login') return;
    const who = claim?.principal ?? loggedInNow(core);
    if (who === undefined || !isAnothersByRecord(core, who)) return;
    // It logged somebody else in by the data, which this login must not get.
    handOverTo(core, claim);
    change.old = core.replaces ?? core;
  }

  /** Writes the new record, or updates it. No one else knows its id yet. `false`: the session may not stay. */
  private async writeNew(change: Change, id: string, draft: Draft): Promise<boolean> {
    const { core } = change;
    if (change.key !== undefined) {
      if ((await this.rewrite(change.key, draft)) === 'gone') throw endedAtLogin();
    } else {
      change.key = this.services.records.key(id);
      await this.newRecords.write(core, change.key, draft);
      change.isWritten = true;
    }
    if (!(await this.placement.settled(core, change.key, draft))) return false;
    assertInTime(change.operation, this.services);
    return true;
  }

  /** The old record names the new one: it is pending no more. Any other write of it has said so already. */
  private async confirmNew(key: string, pending: Draft, draft: Draft, attempt = 0): Promise<void> {
    try {
      await this.rewrite(key, draft, pending.metadata.nonce);
    } catch (error) {
      if (isClosed(error)) return;
      this.services.notices.storeFailed('save', error);
      // After that, the next request with its id does it.
      if (attempt < MOST_CONFIRMATIONS) this.newRecords.later(() => this.confirmNew(key, pending, draft, attempt + 1));
    }
  }

  /** Writes the new record again; if `nonce` is given, only if it is still the version with that nonce. */
  private async rewrite(key: string, draft: Draft, nonce?: string): Promise<WriteResult> {
    const { records } = this.services;
    const own = await records.load(key);
    // The clock may have jumped since the draft was made. Written in the past, it would end the session.
    if (own === undefined || draft.metadata.expiresAt <= this.services.now()) return 'gone';
    if (nonce !== undefined && own.record.metadata?.nonce !== nonce) return 'conflict';
    return records.replace(key, draft, own.revision);
  }

  /** Another request renewed the id meanwhile: continue under that one. */
  private async goOnAsRenewed({ core, operation, fn, key }: Change): Promise<Written> {
    if (key !== undefined) await this.services.records.destroy(key);
    core.idChange = undefined;
    return fn !== undefined || core.data.isChanged() || core.cookieChanged || core.claim !== undefined
      ? this.swapper.swap(core, operation, 'change', fn)
      : 'ok';
  }

  /** The old session ended meanwhile. A login or `regenerate()` doesn't need it. */
  private async withoutOld({ core, operation, fn, key, old }: Change): Promise<Written> {
    // If the new record was ended as well, the login was ended.
    if (key !== undefined && (await this.services.records.destroy(key)) === 'gone') throw endedAtLogin();
    // The place was released together with the record.
    if (core.admission?.isSettled) core.admission = undefined;
    if (core.idChange === 'confirm') throw endedAtLogin();
    if (core.idChange === 'renew') {
      core.idChange = undefined;
      return fn === undefined ? this.swapper.saveToSuccessor(core, operation) : markGone(core, this.services);
    }
    // `old` may be this session itself, which gets another id now.
    const formerId = old.id;
    if (core.status === 'stored') {
      const there = (await this.services.records.load(core.key))?.record.metadata;
      startOver(core, there?.replaced !== undefined && there.handle === core.metadata.handle);
    }
    core.replaces = undefined;
    core.formerId = formerId;
    return this.creator.create(core, operation, fn);
  }
}
