import { SessionUnavailableError } from '../common/errors.js';
import type { KeyedQueue } from '../common/keyed-queue.js';
import { pause } from '../common/pause.js';
import { WriteNonces } from '../record/write-nonces.js';
import { draftOf } from '../session/draft.js';
import { saved } from '../session/saved.js';
import type { SessionCore } from '../session/session-core.js';
import type { Draft } from '../session/session-state.js';
import { continuedAs } from '../session/succession.js';
import { type Applied, applied, take, type UpdateFunction } from './apply-update.js';
import { type CommitServices, MOST_TRIES } from './commit-services.js';
import type { OldRecord, OldRecords } from './old-records.js';
import { assertInTime, markGone, type Operation, type Written } from './operation.js';
import type { WriteReason } from './plan-commit.js';
import type { Placement } from './placement.js';
import type { Found, RecordFinder } from './record-finder.js';

/** A draft that was sent to the store, the record that it replaces, and the result of `update(fn)` that it contains. */
interface Sent extends OldRecord {
  readonly made: Applied | undefined;
  readonly draft: Draft;
}

/**
 * Writes changes: compare-and-swap, and on a conflict merge and try again. So no change is lost, and no session that
 * ended comes back.
 */
export class SessionSwapper {
  constructor(
    private readonly services: CommitServices,
    /** The writes of each session in this process, one at a time. */
    private readonly queue: KeyedQueue,
    private readonly finder: RecordFinder,
    private readonly oldRecords: OldRecords,
    private readonly placement: Placement,
  ) {}

  /** One try without a promise. `false`: nothing was written, and `swap` has to do it. */
  swapNow(core: SessionCore): boolean {
    if (core.stored === undefined) return false;
    try {
      const draft = draftOf(core);
      // It makes the session a principal's, which needs a place and a look at what happened meanwhile.
      if (draft.arrival !== undefined) return false;
      if (this.services.records.replaceNow(core.key, draft, core.stored.revision) !== 'ok') return false;
      saved(core, draft);
      return true;
    } catch {
      // `swap` fails in the same way, and reports it.
      return false;
    }
  }

  async swap(core: SessionCore, operation: Operation, why: WriteReason, fn?: UpdateFunction): Promise<Written> {
    const { counters, nonces, records } = this.services;
    const sent: Sent[] = [];
    /** What the store has not answered yet, or what is not settled. */
    let unsure: Sent | undefined;
    try {
      for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
        assertInTime(operation, this.services);
        if (core.stored === undefined) {
          const found = await this.finder.current(core.id);
          if (found === undefined)
            return why === 'change' && fn === undefined
              ? await this.saveToSuccessor(core, operation)
              : markGone(core, this.services);
          // Was an earlier try written, and only its reply lost?
          const done = sent.find(({ draft }) => WriteNonces.has(found.loaded.record.metadata, draft.metadata.nonce));
          if (done !== undefined) {
            counters.lostReplies += 1;
            unsure = done;
            return await this.settled(core, done, found);
          }
          core.rebase(found.loaded, found.id);
          if (why === 'touch' && sent.length > 0) return 'skipped';
        }
        const made = fn === undefined ? undefined : await applied(core, fn);
        const first = draftOf(core, made?.values);
        const draft = this.placement.isNeeded(first) ? await this.placement.takeOrEnd(core, first, made) : first;
        if (draft === 'ended') return markGone(core, this.services);
        if (draft === 'conflict') {
          core.stored = undefined;
          await pause(attempt);
          continue;
        }
        unsure = { made, draft, before: core.stored!, metadata: core.metadata, replaced: draft.metadata };
        sent.push(unsure);
        nonces.await(draft.metadata.nonce);
        const result = await records.replace(core.key, draft, core.stored!.revision);
        if (result === 'ok') return await this.settled(core, unsure);
        unsure = undefined;
        if (result === 'gone') return markGone(core, this.services);
        counters.conflicts += 1;
        // The other writer has already extended the session. But a change of the principal has to be completed by its
        // own writer.
        if (why === 'touch' && draft.arrival === undefined && draft.voided === undefined) return 'skipped';
        core.stored = undefined;
        await pause(attempt);
      }
    } catch (error) {
      // A login that failed must not happen later, when another one may have its place.
      if (unsure !== undefined && isLogin(unsure.draft)) void this.oldRecords.bringBack(unsure);
      throw error;
    } finally {
      for (const { draft } of sent) nonces.settle(draft.metadata.nonce);
      if (core.admission !== undefined) await this.placement.giveUp(core);
    }
    throw new SessionUnavailableError(
      `Other requests changed the session ${MOST_TRIES} times while it was being saved. Its last changes are not saved.`,
    );
  }

  /**
   * A login, confirmLogin() or the like replaced the id while this request ran. The request's changes are saved in the
   * new session. But the request learns neither its id nor its data, as an id from before a login must not lead to
   * them.
   */
  async saveToSuccessor(core: SessionCore, operation: Operation, isSecondTry = false): Promise<Written> {
    const { handle } = core.metadata;
    const replaced = (await this.services.records.load(core.key))?.record.metadata;
    if (replaced?.handle !== handle) return markGone(core, this.services);
    // The id change failed, and has restored the record.
    if (replaced.replaced === undefined) return this.swap(core, operation, 'change');
    const found = await this.finder.successorOf(replaced);
    if (found?.id === undefined || found.metadata.handle !== handle)
      // The id change may be failing right now, and restore the record.
      return isSecondTry ? markGone(core, this.services) : this.saveToSuccessor(core, operation, true);
    const heir = continuedAs(core, found.loaded, found.id);
    if (heir === undefined) return markGone(core, this.services);
    const written = await this.queue.run(heir.key, () => this.swap(heir, operation, 'change'));
    if (written === 'gone') return markGone(core, this.services);
    core.savedToSuccessor();
    return 'skipped';
  }

  /** Finishes a swap that succeeded. `found`: the record, if it has changed again since. */
  private settled(core: SessionCore, sent: Sent, found?: Found): Written | Promise<Written> {
    const { draft } = sent;
    // If another request has since made it another principal's, that request completes it.
    const isAnothers = found !== undefined && found.loaded.record.metadata?.principal !== draft.metadata.principal;
    if (draft.arrival === undefined || isAnothers) return this.swapped(core, sent, found);
    return this.placement.settled(core, core.key, draft).then(async (isIn) => {
      if (isIn) return this.swapped(core, sent, found);
      await this.placement.undo(core.key, draft);
      return markGone(core, this.services);
    });
  }

  private swapped(core: SessionCore, { made, draft }: Sent, found: Found | undefined): Written {
    take(core, made);
    saved(core, draft);
    if (found !== undefined) core.rebase(found.loaded, found.id);
    this.placement.noteLogin(core.key, draft);
    return 'ok';
  }
}

/** Whether the write makes the session a principal's. If its data named that one before, the next request does it. */
const isLogin = ({ arrival }: Draft): boolean => arrival !== undefined && arrival !== 'adopted';
