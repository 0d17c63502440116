import { KeyedQueue, TaskQueue } from '../common/keyed-queue.js';
import { isOf, type MayEnd } from '../record/session-metadata.js';
import { callInTime } from '../record/store-timer.js';
import type { SessionCore } from '../session/session-core.js';
import { reset } from '../session/succession.js';
import type { Admissions } from './admissions.js';
import type { UpdateFunction } from './apply-update.js';
import type { CommitServices } from './commit-services.js';
import { IdChanger } from './id-changer.js';
import { NewRecords } from './new-records.js';
import { longestWaitMs, type Operation, waitedTooLong, type Written } from './operation.js';
import { OldRecords } from './old-records.js';
import type { WriteReason } from './plan-commit.js';
import { Placement } from './placement.js';
import type { PrincipalList } from './principal-list.js';
import type { RecordFinder } from './record-finder.js';
import { SessionCreator } from './session-creator.js';
import type { SessionEnder } from './session-ender.js';
import type { SessionLinks } from './session-links.js';
import { SessionSwapper } from './session-swapper.js';

/**
 * Carries out the plan for a session, one write at a time for each session in this process, and in limited time. The
 * rules of concurrency are in the classes that it calls; a store only compares and replaces.
 */
export class SessionWriter {
  /** The writes of each session in this process, one at a time. */
  private readonly queue = new KeyedQueue();
  private readonly creator: SessionCreator;
  private readonly swapper: SessionSwapper;
  private readonly idChanger: IdChanger;

  constructor(
    private readonly services: CommitServices,
    private readonly finder: RecordFinder,
    private readonly ender: SessionEnder,
    private readonly list: PrincipalList,
    admissions: Admissions,
    links: SessionLinks,
  ) {
    const newRecords = new NewRecords(services);
    const placement = new Placement(services, admissions, ender, newRecords);
    const oldRecords = new OldRecords(services, links, finder, newRecords, admissions);
    this.creator = new SessionCreator(services, newRecords, oldRecords, placement);
    this.swapper = new SessionSwapper(services, this.queue, finder, oldRecords, placement);
    this.idChanger = new IdChanger(
      services,
      this.queue,
      finder,
      newRecords,
      oldRecords,
      placement,
      this.creator,
      this.swapper,
    );
  }

  /**
   * Writes the session as its state requires.
   *
   * @param waitedMs how long the caller has already waited.
   */
  write(core: SessionCore, why?: WriteReason, waitedMs = 0): Promise<Written> {
    const writing = this.inTurn(core, (operation) => this.writeInTurn(core, operation, why), waitedMs);
    core.data.forgetCompared();
    return writing;
  }

  /**
   * Writes a change without a promise, if the store has its records in memory and nothing has to be waited for.
   *
   * @returns false: nothing was written. `write` does it, or says why it can't be done.
   */
  writeNow(core: SessionCore): boolean {
    if (core.status !== 'stored' || core.isChangingId || this.isBusy(core) || this.queue.last(core.key) !== undefined)
      return false;
    if (!this.swapper.swapNow(core)) return false;
    core.data.forgetCompared();
    return true;
  }

  /** `update(fn)`: writes the pending changes and the result of `fn` in one swap. */
  update(core: SessionCore, fn: UpdateFunction): Promise<Written> {
    return this.inTurn(core, (operation) => this.writeInTurn(core, operation, 'change', fn));
  }

  private async writeInTurn(
    core: SessionCore,
    operation: Operation,
    why?: WriteReason,
    fn?: UpdateFunction,
  ): Promise<Written> {
    if (core.isOver) return 'gone';
    if (core.isChangingId) return this.idChanger.change(core, operation, fn);
    if (core.isNew) return this.creator.create(core, operation, fn);
    const reason = why ?? whyWritten(core);
    return this.queue.run(core.key, () => this.swapper.swap(core, operation, reason, fn));
  }

  /** Reads the record again, after the writes of this session object. `false`: there is no record. */
  reload(core: SessionCore): Promise<boolean> {
    return this.inTurn(core, async () => {
      const found = await this.finder.current(core.id);
      if (found !== undefined) reset(core, found.loaded, found.id);
      return found !== undefined;
    });
  }

  /**
   * Ends the session, even if its id has changed. It is no error if it has already ended. It does not wait for code of
   * the app.
   */
  destroy(core: SessionCore, mayEnd?: MayEnd): Promise<boolean> {
    const end = (): Promise<boolean> => this.destroyNow(core, mayEnd);
    return core.applying ? this.inTime(end) : this.inTurn(core, end);
  }

  private async destroyNow(core: SessionCore, mayEnd?: MayEnd): Promise<boolean> {
    const ended = core.replaces ?? core;
    // A write that found no record may be wrong: a clock that is ahead hides it.
    if (ended.status !== 'stored' && ended.status !== 'ended-elsewhere') return false;
    if (await this.ender.end(ended.key, ended.id, ended.stored, mayEnd)) return true;
    // The replaced record, which names the new id, may no longer exist. The index still finds the session by its handle.
    const { principal, handle } = ended.metadata;
    if (mayEnd !== undefined || principal === undefined || !this.services.records.canList) return false;
    let didEnd = false;
    for (const found of await this.list.toEnd(principal)) {
      const { metadata } = found.record;
      if (metadata!.handle !== handle || metadata!.replaced !== undefined) continue;
      didEnd = (await this.ender.endListed(found, isOf(principal))) || didEnd;
    }
    return didEnd;
  }

  /**
   * For a logout with a replaced id, which must not end the new session. If the old record leads nowhere, it is
   * removed: an id change that failed may be about to restore it.
   */
  endDeadEnd(id: string): Promise<void> {
    return this.inTime(() => this.endDeadEndNow(id));
  }

  private async endDeadEndNow(id: string): Promise<void> {
    const { records } = this.services;
    const key = records.key(id);
    const found = await records.load(key);
    const metadata = found?.record.metadata;
    if (metadata === undefined || metadata.revokedUntil !== undefined) return;
    if (metadata.replaced === undefined || (await this.finder.successorOf(metadata)) === undefined)
      await this.ender.end(key, id, found);
  }

  isBusy(core: SessionCore): boolean {
    return core.turns?.last !== undefined;
  }

  /** The running and waiting writes of a session object. Never rejects: the caller of each write gets its error. */
  underWay(core: SessionCore): Promise<unknown> | undefined {
    return core.turns?.last?.catch(() => undefined);
  }

  /** Runs an operation with a time limit. At the limit the caller gets an error, and the operation is told so. */
  inTime<T>(run: (operation: Operation) => Promise<T>, waitedMs = 0): Promise<T> {
    const operation = { isLate: false };
    const most = longestWaitMs(this.services.options.storeTimeoutMs);
    const tooLong = (): Error => {
      operation.isLate = true;
      return waitedTooLong(most);
    };
    return new Promise<T>((answered, failed) =>
      callInTime(most - waitedMs, () => run(operation), tooLong, { answered, failed }),
    );
  }

  private inTurn<T>(core: SessionCore, run: (operation: Operation) => Promise<T>, waitedMs = 0): Promise<T> {
    const turns = (core.turns ??= new TaskQueue());
    return this.inTime((operation) => turns.run(() => run(operation)), waitedMs);
  }
}

const whyWritten = (core: SessionCore): WriteReason =>
  core.data.isChanged() || core.cookieChanged || core.claim !== undefined ? 'change' : 'touch';
