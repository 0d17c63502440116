import { SessionUnavailableError } from '../common/errors.js';
import type { KeyedQueue } from '../common/keyed-queue.js';
import { pause } from '../common/pause.js';
import { saved } from '../session/saved.js';
import type { SessionCore } from '../session/session-core.js';
import type { Draft } from '../session/session-state.js';
import { loginUndone, startOver } from '../session/succession.js';
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

/** One change of an id. */
interface Change {
  readonly core: SessionCore;
  readonly operation: Operation;
  /** The session whose record is to be replaced: `core` itself, or the one whose place it takes. */
  readonly old: SessionCore;
  readonly fn: UpdateFunction | undefined;
  /** The new record's key, once it is written. */
  key: string | undefined;
  /** It is there, and is to be taken back if something fails. */
  isWritten: boolean;
  /** The old record, as long as the store may have replaced it without an answer. */
  unsure: OldRecord | undefined;
}

/**
 * Gives a session a new id: the new record is written first, then the old one is swapped for a small record that says where the session has
 * gone. So a visitor whose process dies keeps one of the two.
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
      // Who has followed the old id may hold the new one by now.
      core.dropNewId();
      void this.oldRecords.bringBack(unsure, key);
      return;
    }
    const wasThere = await this.newRecords.takeBack(core, key!);
    // Else somebody has ended the session.
    if (wasThere && unsure !== undefined) void this.oldRecords.bringBack(unsure);
  }

  private async tryUntilDone(change: Change): Promise<Written> {
    const { core, operation, old, fn } = change;
    const as = core.idChange!;
    for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
      assertInTime(operation, this.services);
      const oldId = old.id;
      if (old.stored === undefined) {
        const found = await this.finder.current(oldId);
        if (found === undefined) return this.withoutOld(change);
        old.rebase(found.loaded, found.id);
        if (found.id !== oldId && as === 'renew') return this.goOnAsRenewed(change);
      }
      const made = fn === undefined ? undefined : await applied(core, fn);
      const draft = await this.placement.draftOf(core, made);
      const id = core.nextId;
      if (!(await this.writeNew(change, id, draft))) {
        await this.placement.undo(change.key!, draft);
        return markGone(core, this.services);
      }
      change.unsure = this.oldRecords.of(old, id, as);
      const result = await this.oldRecords.replace(change.unsure);
      if (result === 'ok') {
        // The answer has left without the new id.
        assertInTime(operation, this.services);
        core.id = id;
        take(core, made);
        saved(core, draft);
        const { handle, principal } = draft.metadata;
        this.services.events.emit('renewed', change.key, { handle, principal, reason: as });
        this.placement.noteLogin(change.key!, draft);
        // Another user's session took its place: what it had opened ends.
        if (old.metadata.handle !== handle) this.services.events.hint(old.metadata.handle);
        return 'ok';
      }
      change.unsure = undefined;
      if (result === 'gone') return this.withoutOld(change);
      this.services.counters.conflicts += 1;
      old.giveUpStored();
      await pause(attempt);
    }
    throw new SessionUnavailableError(
      `The session was changed by others ${MOST_TRIES} times while its id was to be renewed.`,
    );
  }

  /** Writes the new record, or brings it up to date: nobody else knows its id. `false`: it may not stay. */
  private async writeNew(change: Change, id: string, draft: Draft): Promise<boolean> {
    const { core } = change;
    if (change.key !== undefined) {
      if ((await this.rewrite(change.key, draft)) === 'gone') throw endedAtLogin();
    } else {
      change.key = this.services.records.key(id);
      await this.newRecords.write(core, change.key, draft);
      change.isWritten = true;
      if (!(await this.placement.settled(core, change.key, draft))) return false;
    }
    assertInTime(change.operation, this.services);
    return true;
  }

  private async rewrite(key: string, draft: Draft): Promise<WriteResult> {
    const { records } = this.services;
    const own = await records.load(key);
    if (own === undefined) return 'gone';
    return records.replace(key, draft.text, draft.metadata, draft.cookie, own.revision);
  }

  /** Somebody else renewed it meanwhile: go on under that id. */
  private async goOnAsRenewed({ core, operation, fn, key }: Change): Promise<Written> {
    if (key !== undefined) await this.services.records.destroy(key);
    core.idChange = undefined;
    return fn !== undefined || core.data.isChanged() || core.cookieChanged || core.claim !== undefined
      ? this.swapper.swap(core, operation, 'change', fn)
      : 'ok';
  }

  /** The old session was ended meanwhile. Whoever logs in, or begins anew, doesn't need it. */
  private async withoutOld({ core, operation, fn, key }: Change): Promise<Written> {
    // Whoever ended the new record ended this login.
    if (key !== undefined && (await this.services.records.destroy(key)) === 'gone') throw endedAtLogin();
    // Its place went with its record.
    if (core.admission?.isSettled) core.admission = undefined;
    if (core.idChange === 'confirm') throw endedAtLogin();
    if (core.idChange === 'renew') {
      core.idChange = undefined;
      return fn === undefined ? this.swapper.saveToHeir(core, operation) : markGone(core, this.services);
    }
    if (core.status === 'stored') {
      const old = (await this.services.records.load(core.key))?.record.metadata;
      startOver(core, old?.replaced !== undefined && old.handle === core.metadata.handle);
    }
    core.replaces = undefined;
    return this.creator.create(core, operation, fn === undefined ? undefined : await applied(core, fn));
  }
}
