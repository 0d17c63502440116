import { isOf } from '../record/session-metadata.js';
import { draftOf } from '../session/draft.js';
import type { SessionCore } from '../session/session-core.js';
import type { Admission, Draft } from '../session/session-state.js';
import type { Admissions } from './admissions.js';
import type { Applied } from './apply-update.js';
import type { CommitServices } from './commit-services.js';
import type { NewRecords } from './new-records.js';
import { endedAtLogin, isEndedAtLogin } from './revocations.js';
import type { SessionEnder } from './session-ender.js';

/** The rules about a principal's sessions around one write. */
export class Placement {
  constructor(
    private readonly services: CommitServices,
    private readonly admissions: Admissions,
    private readonly ender: SessionEnder,
    private readonly newRecords: NewRecords,
  ) {}

  /** Whether the session of this draft needs a place among its principal's sessions before it is written. */
  isNeeded({ arrival, mark }: Draft): boolean {
    if (arrival === undefined || arrival === 'renewed' || arrival === 'confirmed') return false;
    return mark === undefined || this.admissions.isLimited;
  }

  /**
   * The same for a session that is in the store. If it is adopted, but older than a `revokeAll()` of its principal, it
   * is ended: its data say who it belongs to, and no index did.
   *
   * @returns how ending it went, in place of the draft. `conflict`: its record has changed, so this is to be decided
   * again.
   */
  async takeOrEnd(core: SessionCore, first: Draft, made: Applied | undefined): Promise<Draft | 'ended' | 'conflict'> {
    try {
      return await this.take(core, first, made);
    } catch (error) {
      if (first.arrival !== 'adopted' || !isEndedAtLogin(error)) throw error;
      const result = await this.services.records.destroy(core.key, core.stored!.revision);
      if (result === 'conflict') return 'conflict';
      const { handle, principal } = first.metadata;
      if (result === 'ok') this.services.events.emit('revoked', core.key, { handle, principal });
      return 'ended';
    }
  }

  /** Takes the place that a draft needs, unless the session has it. Returns the draft with the place in it. */
  async take(core: SessionCore, first: Draft, made: Applied | undefined): Promise<Draft> {
    let draft = first;
    while (this.isNeeded(draft) && !this.isTaken(core.admission, draft)) {
      await this.giveUp(core);
      const principal = draft.metadata.principal!;
      core.admission = await this.admissions.admit({
        principal,
        handle: draft.metadata.handle,
        mark: draft.mark ?? markSeen(core, principal),
        onMark: (nonce) => (core.firstMark ??= { principal, nonce }),
        began: core.openedAt,
        isInPlace: core.status === 'stored' && !core.isChangingId,
        adopted: draft.arrival === 'adopted' ? core.stored : undefined,
      });
      draft = draftOf(core, made?.values);
    }
    return draft;
  }

  /** Whether the place was taken for the session in this draft. A session that only confirmed its login took none. */
  private isTaken(admission: Admission | undefined, { metadata: { principal, handle } }: Draft): boolean {
    if (admission === undefined || admission.principal !== principal || admission.handle !== handle) return false;
    return admission.number !== undefined || !this.admissions.isLimited;
  }

  /**
   * Marks the draft of a new record as pending until the old record names it. If this process dies before that, and
   * another one ends or replaces the old record, the new one must not count as a session: no browser has its id.
   */
  pending(core: SessionCore, made: Applied | undefined, draft: Draft): Draft {
    const takesNoPlace = draft.arrival === 'renewed' || draft.arrival === 'confirmed';
    return takesNoPlace && this.admissions.isLimited ? draftOf(core, made?.values, true) : draft;
  }

  /** Gives up the place of a session that was not written. */
  async giveUp(core: SessionCore): Promise<void> {
    const { admission } = core;
    core.admission = undefined;
    if (admission === undefined || admission.isSettled) return;
    try {
      await this.admissions.withdraw(admission);
    } catch (error) {
      // The place lapses by itself.
      this.services.notices.storeFailed('save', error);
    }
  }

  /** Whether a written session may stay. Not if a `revokeAll()` or a newer login ended it meanwhile. */
  async settled(core: SessionCore, key: string, { arrival, metadata, mark }: Draft): Promise<boolean> {
    // A renewal adds no session. If the session was ended meanwhile, the swap fails.
    if (arrival === undefined || arrival === 'renewed') return true;
    if (core.admission?.isSettled) return true;
    const admission: Admission = core.admission ?? {
      principal: metadata.principal!,
      handle: metadata.handle,
      mark: mark!,
      number: undefined,
    };
    const isNewId = core.isChangingId || core.isNew;
    const [isIn, isThere] = await Promise.all([
      this.admissions.settle(admission),
      // If this process's clock is far behind, the store treats the new record as expired.
      !isNewId || this.services.records.load(key).then((loaded) => loaded !== undefined),
    ]);
    if (!isIn || !isThere) return false;
    core.admission = { ...admission, isSettled: true };
    return true;
  }

  /** Ends a session that may not stay. */
  async undo(key: string, { arrival, metadata }: Draft): Promise<void> {
    const { handle, principal } = metadata;
    const mayEnd = isOf(principal, handle);
    const end = (): Promise<boolean> => this.ender.end(key, this.services.idOfKey(key), undefined, mayEnd);
    const ended = await end().catch((error: unknown) => {
      this.newRecords.later(end);
      throw error;
    });
    if (ended) this.services.events.emit('revoked', key, { handle, principal });
    // Only a session whose data already named the principal may be refused silently; a login must fail.
    if (arrival !== 'adopted') throw endedAtLogin();
  }

  noteLogin(key: string, { arrival, metadata: { handle, principal } }: Draft): void {
    if (arrival === 'login') this.services.events.emit('logged-in', key, { handle, principal });
  }
}

/** The revocation mark that stood when a login by data was first tried. */
const markSeen = ({ firstMark }: SessionCore, principal: string): string | undefined =>
  firstMark?.principal === principal ? firstMark.nonce : undefined;
