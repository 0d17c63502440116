import { isStoreError } from '../stores/session-store.error.js';
import { draftOf } from '../session/draft.js';
import { saved } from '../session/saved.js';
import type { SessionCore } from '../session/session-core.js';
import type { Draft } from '../session/session-state.js';
import { loginUndone } from '../session/succession.js';
import { applied, take, type UpdateFunction } from './apply-update.js';
import type { CommitServices } from './commit-services.js';
import type { OldRecords } from './old-records.js';
import type { NewRecords } from './new-records.js';
import { assertInTime, markGone, type Operation, type Written } from './operation.js';
import type { Placement } from './placement.js';
import { isEndedAtLogin } from './revocations.js';

/** How many ids are tried if the store already has a record under the first. */
const MOST_IDS = 4;

/** Writes new sessions. */
export class SessionCreator {
  constructor(
    private readonly services: CommitServices,
    private readonly newRecords: NewRecords,
    private readonly oldRecords: OldRecords,
    private readonly placement: Placement,
  ) {}

  async create(core: SessionCore, operation: Operation, fn?: UpdateFunction): Promise<Written> {
    try {
      return await this.createNow(core, operation, fn);
    } catch (error) {
      if (isEndedAtLogin(error)) loginUndone(core);
      throw error;
    } finally {
      if (core.admission !== undefined) await this.placement.giveUp(core);
    }
  }

  private async createNow(core: SessionCore, operation: Operation, fn: UpdateFunction | undefined): Promise<Written> {
    const made = fn === undefined ? undefined : await applied(core, fn);
    let draft = draftOf(core, made?.values);
    if (this.placement.isNeeded(draft)) draft = await this.placement.take(core, draft, made);
    assertInTime(operation, this.services);
    await this.write(core, draft);
    const { key } = core;
    if (!(await this.settled(core, key, draft))) {
      await this.placement.undo(key, draft);
      return markGone(core, this.services);
    }
    // If the response was sent without the new id, remove its record.
    if (operation.isLate) await this.newRecords.takeBack(core, key);
    assertInTime(operation, this.services);
    take(core, made);
    saved(core, draft);
    const { handle, principal } = draft.metadata;
    this.services.events.emit('created', key, { handle, principal });
    this.placement.noteLogin(key, draft);
    const { formerId } = core;
    core.formerId = undefined;
    // The id from before a login must lead nowhere, even if the request that replaced it fails and restores it.
    if (formerId !== undefined) await this.oldRecords.pin(formerId, core.id);
    return 'ok';
  }

  private async write(core: SessionCore, draft: Draft): Promise<void> {
    for (let ids = 1; ; ids += 1) {
      try {
        await this.newRecords.write(core, core.key, draft);
        return;
      } catch (error) {
        if (!isStoreError(error) || error.code !== 'ID_TAKEN' || ids === MOST_IDS) throw error;
        core.id = core.host.newId();
      }
    }
  }

  private async settled(core: SessionCore, key: string, draft: Draft): Promise<boolean> {
    try {
      return await this.placement.settled(core, key, draft);
    } catch (error) {
      await this.newRecords.takeBack(core, key);
      throw error;
    }
  }
}
