import { AsyncLocalStorage } from 'node:async_hooks';
import { types } from 'node:util';
import { KeyedQueue } from '../common/keyed-queue.js';
import { changedKeys, snapshot } from '../session/changes.js';
import type { Revision, WriteResult } from '../stores/session-store.js';
import { ReservedKeyError, SessionStateError, SessionUnavailableError } from '../common/errors.js';
import { METADATA_KEY } from '../record/metadata-codec.js';
import { type SessionMetadata, isOf, type MayEnd } from '../record/session-metadata.js';
import { pause } from '../common/pause.js';
import { seal, unseal, wayForwardKey } from '../record/record-cipher.js';
import { type Admission, endedAtLogin } from './principal-sessions.js';
import { recordText, type SessionValues } from '../record/record-text.js';
import type { Draft, Rotation, SessionCore } from '../session/session-core.js';
import { newNonce } from '../record/session-id.js';
import type { SessionManager } from '../session-manager.js';
import { isStoreError, type LoadedRecord } from '../record/session-records.js';
import { CallTimer } from '../record/store-timer.js';
import { WriteNonces } from '../record/write-nonces.js';

/** With a queue in each process, a writer meets no more rivals than there are processes; so many failed tries mean a broken store. */
const MOST_TRIES = 100;
/** How long the server can follow a replaced id, for requests that began before it was replaced. */
const LONGEST_REQUEST_MS = 10 * 60_000;
/** Renewals that a request can be behind of. */
const MOST_STEPS = 8;

/** What became of a write. */
export type Written = 'ok' | 'gone' | 'skipped';

/** One call of the writer. */
interface Operation {
  /** Its caller has been told that it took too long: it goes no further, and takes back what it can. */
  isLate: boolean;
}

/** Found at the end of the way forward. */
export interface Found {
  readonly id: string;
  readonly loaded: LoadedRecord;
}

/** Where a replaced session has gone on. */
export interface Successor {
  /** `undefined` with records of version 0.1 and `hashIds`. */
  readonly id: string | undefined;
  readonly loaded: LoadedRecord;
  readonly metadata: SessionMetadata;
}

/** Never data, whatever a record holds. */
const ALWAYS_RESERVED: ReadonlySet<string> = new Set([METADATA_KEY, '__proto__', 'cookie']);

/** A draft that was sent to the store, and what `update(fn)` made for it. */
interface Sent {
  readonly made: Applied | undefined;
  readonly draft: Draft;
}

/** How often what happened, in this process. For tests and health checks. */
export interface WriteCounters {
  conflicts: number;
  gone: number;
  lostReplies: number;
}

/**
 * Writes sessions so that nobody's changes are lost and nothing that ended comes back: compare-and-swap, merge, try again. Stores only
 * compare; the rules are here, once.
 */
export class SessionWriter {
  readonly counters: WriteCounters = { conflicts: 0, gone: 0, lostReplies: 0 };
  readonly nonces: WriteNonces;
  /** Of one session in this process. */
  private readonly queue: KeyedQueue;
  /** Of one request's session object: what a write is to do (create, swap, rotate) is known when the one before it has ended. */
  private readonly turns: KeyedQueue<SessionCore>;
  /** How long a caller waits in all: for its turn, and for all the calls that a write is made of. */
  private readonly patience: CallTimer;

  constructor(private readonly manager: SessionManager) {
    const { storeTimeoutMs: ms } = manager.options;
    this.nonces = new WriteNonces(() => manager.now(), ms);
    const longestWait = { ms, error: () => waitedTooLong(ms) };
    this.queue = new KeyedQueue(longestWait);
    this.turns = new KeyedQueue(longestWait);
    // It tells an eighth too late at most.
    this.patience = new CallTimer((2 * ms * 8) / 9, () => waitedTooLong(2 * ms));
  }

  private get records() {
    return this.manager.records;
  }

  /** Writes what there is to write; the session's own state says how. */
  write(core: SessionCore, need?: 'change' | 'touch'): Promise<Written> {
    return this.inTime((operation) => this.turns.run(core, () => this.writeNow(core, operation, need)));
  }

  /** Bounds what reads a session for a request as a write is bounded. */
  read<T>(run: () => Promise<T>): Promise<T> {
    return this.inTime(run);
  }

  /** Runs what a caller waits for, and tells it when the caller has been told that it took too long. */
  private inTime<T>(run: (operation: Operation) => Promise<T>): Promise<T> {
    const operation = { isLate: false };
    return this.patience.bound(
      () => run(operation),
      (error) => error as Error,
      () => {
        operation.isLate = true;
      },
    );
  }

  /** The write of a session object that is under way, and those that wait for it. How it ends is told to its caller. */
  underWay(core: SessionCore): Promise<unknown> | undefined {
    return this.turns.last(core)?.catch(() => undefined);
  }

  private async writeNow(core: SessionCore, operation: Operation, need?: 'change' | 'touch'): Promise<Written> {
    if (core.isOver) return 'gone';
    if (isRotating(core)) return this.rotate(core, operation);
    if (core.status === 'new') return this.create(core, operation);
    const mode = need ?? (core.isChanged() || core.cookieChanged || core.claim !== undefined ? 'change' : 'touch');
    return this.queue.run(core.key, () => this.swap(core, operation, mode));
  }

  /** Reads the record again, in turn with the writes of the same session object. `false`: there is none. */
  reload(core: SessionCore): Promise<boolean> {
    return this.inTime(() =>
      this.turns.run(core, async () => {
        const found = await this.current(core.id);
        if (found !== undefined) core.reset(found.loaded, found.id);
        return found !== undefined;
      }),
    );
  }

  /** `update(fn)`: what is pending and what `fn` makes of it, in one swap. */
  update(core: SessionCore, fn: (draft: SessionValues) => unknown): Promise<Written> {
    return this.inTime((operation) => this.turns.run(core, () => this.updateNow(core, operation, fn)));
  }

  private async updateNow(
    core: SessionCore,
    operation: Operation,
    fn: (draft: SessionValues) => unknown,
  ): Promise<Written> {
    if (core.isOver) return 'gone';
    if (isRotating(core)) return this.rotate(core, operation, fn);
    if (core.status === 'new') return this.create(core, operation, await applied(core, fn));
    return this.queue.run(core.key, () => this.swap(core, operation, 'change', fn));
  }

  private async create(core: SessionCore, operation: Operation, made?: Applied): Promise<Written> {
    try {
      return await this.createNow(core, operation, made);
    } finally {
      if (core.admission !== undefined) await this.giveUpPlace(core);
    }
  }

  private async createNow(core: SessionCore, operation: Operation, made: Applied | undefined): Promise<Written> {
    const draft = await this.draftOf(core, made);
    this.assertInTime(operation);
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.createAs(core, core.key, draft);
        break;
      } catch (error) {
        if (!isStoreError(error) || error.code !== 'ID_TAKEN' || attempt === 3) throw error;
        core.id = core.host.newId();
      }
    }
    const { key } = core;
    if (!(await this.settled(core, key, draft))) return this.undone(core, key, draft);
    await this.takeBackIfLate(core, operation, key);
    take(core, made);
    core.saved(draft);
    this.manager.events.emit('created', key, { handle: draft.metadata.handle, principal: draft.metadata.principal });
    this.noteLogin(key, draft);
    return 'ok';
  }

  /** Writes a record under a new id. What may have been written without an answer is taken back. */
  private async createAs(core: SessionCore, key: string, draft: Draft): Promise<void> {
    try {
      await this.records.create(key, draft.text, draft.metadata, draft.cookie);
    } catch (error) {
      if (isStoreError(error) && error.code === 'ID_TAKEN') throw error;
      await this.takeBack(core, key);
      throw error;
    }
  }

  /** What to write. If the session comes to belong to a principal by it, a place among the principal's sessions is taken first. */
  private draftOf(core: SessionCore, made: Applied | undefined): Draft | Promise<Draft> {
    const draft = core.draft(made?.values);
    return this.needsPlace(draft) ? this.withPlace(core, draft, made) : draft;
  }

  private needsPlace({ arrival, mark }: Draft): boolean {
    if (arrival === undefined || arrival === 'renewed' || arrival === 'confirmed') return false;
    return mark === undefined || this.manager.principals.isLimited;
  }

  private async withPlace(core: SessionCore, first: Draft, made: Applied | undefined): Promise<Draft> {
    let draft = first;
    while (this.needsPlace(draft) && !isFor(core.admission, draft.metadata)) {
      await this.giveUpPlace(core);
      core.admission = await this.manager.principals.admit({
        principal: draft.metadata.principal!,
        handle: draft.metadata.handle,
        mark: draft.mark,
        began: core.openedAt,
        isInPlace: core.status === 'loaded' && !isRotating(core),
        mustBeAdmitted: draft.arrival === 'adopted',
      });
      draft = core.draft(made?.values);
    }
    return draft;
  }

  /** The place of a session that was not written after all. */
  private async giveUpPlace(core: SessionCore): Promise<void> {
    const { admission } = core;
    core.admission = undefined;
    if (admission === undefined || admission.isSettled) return;
    try {
      await this.manager.principals.withdraw(admission);
    } catch (error) {
      // It lapses by itself.
      this.manager.noteStoreFailure('save', error);
    }
  }

  /** Whether a written session may stay: not if, meanwhile, a `revokeAll()` ended its login or a newer login took its place. */
  private async settled(core: SessionCore, key: string, { arrival, metadata, mark }: Draft): Promise<boolean> {
    // A renewal makes nobody a new session: what was ended meanwhile fails the swap.
    if (arrival === undefined || arrival === 'renewed') return true;
    if (core.admission?.isSettled) return true;
    const admission: Admission = core.admission ?? {
      principal: metadata.principal!,
      handle: metadata.handle,
      mark: mark!,
      number: undefined,
    };
    const isNewId = isRotating(core) || core.status === 'new';
    try {
      const [isIn, isThere] = await Promise.all([
        this.manager.principals.settle(admission),
        // The store takes it to be over if this process's clock is far behind.
        !isNewId || this.records.load(key).then((loaded) => loaded !== undefined),
      ]);
      if (!isIn || !isThere) return false;
    } catch (error) {
      if (core.status === 'new') await this.takeBack(core, key);
      throw error;
    }
    core.admission = { ...admission, isSettled: true };
    return true;
  }

  /** Ends a session that may not stay. */
  private async undone(core: SessionCore, key: string, { arrival, metadata }: Draft): Promise<Written> {
    if (await this.end(key, this.manager.idOfKey(key), undefined, isOf(metadata.principal)))
      this.manager.events.emit('revoked', key, { handle: metadata.handle, principal: metadata.principal });
    // A login that is answered with success has a session.
    if (arrival !== 'adopted') throw endedAtLogin();
    return this.markGone(core);
  }

  private noteLogin(key: string, { arrival, metadata }: Draft): void {
    if (arrival === 'login')
      this.manager.events.emit('logged-in', key, { handle: metadata.handle, principal: metadata.principal });
  }

  private assertInTime({ isLate }: Operation): void {
    if (isLate) throw waitedTooLong(2 * this.manager.options.storeTimeoutMs);
  }

  /** The answer has left without the new id. */
  private async takeBackIfLate(core: SessionCore, operation: Operation, key: string): Promise<void> {
    if (operation.isLate) await this.takeBack(core, key);
    this.assertInTime(operation);
  }

  /** Nobody will know this id. The store may have written its record without an answer, or still write it. */
  private async takeBack(core: SessionCore, key: string): Promise<void> {
    core.dropNewId();
    try {
      await this.records.destroy(key);
    } catch (error) {
      this.manager.noteStoreFailure('save', error);
    }
    this.later(() => this.records.destroy(key));
  }

  private async swap(
    core: SessionCore,
    operation: Operation,
    mode: 'change' | 'touch',
    fn?: (draft: SessionValues) => unknown,
  ): Promise<Written> {
    const sent: Sent[] = [];
    try {
      for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
        this.assertInTime(operation);
        if (core.stored === undefined) {
          const found = await this.current(core.id);
          if (found === undefined)
            return mode === 'change' && fn === undefined ? await this.saveToHeir(core, operation) : this.markGone(core);
          // The store had done it, and only the reply was lost?
          const done = sent.find(({ draft }) => WriteNonces.has(found.loaded.record.metadata, draft.metadata.nonce));
          if (done !== undefined) {
            this.counters.lostReplies += 1;
            return await this.sealed(core, done, found);
          }
          core.rebase(found.loaded, found.id);
          if (mode === 'touch' && sent.length > 0) return 'skipped';
        }
        const made = fn === undefined ? undefined : await applied(core, fn);
        const drafting = this.draftOf(core, made);
        const draft = drafting instanceof Promise ? await drafting : drafting;
        sent.push({ made, draft });
        this.nonces.await(draft.metadata.nonce);
        const result = await this.records.replace(
          core.key,
          draft.text,
          draft.metadata,
          draft.cookie,
          core.stored!.revision,
        );
        if (result === 'ok') return await this.sealed(core, { made, draft });
        if (result === 'gone') return this.markGone(core);
        this.counters.conflicts += 1;
        // Whoever wrote has moved the end; but where the session has come to be somebody's, that has to be settled by its writer.
        if (mode === 'touch' && draft.arrival === undefined && draft.voided === undefined) return 'skipped';
        // The base must outlive the revision: the merge needs it.
        core.pinBase();
        core.stored = undefined;
        await pause(attempt);
      }
    } finally {
      for (const { draft } of sent) this.nonces.settle(draft.metadata.nonce);
      if (core.admission !== undefined) await this.giveUpPlace(core);
    }
    throw new SessionUnavailableError(
      `The session was changed by others ${MOST_TRIES} times while it was to be saved.`,
    );
  }

  /**
   * The id was replaced by a login, confirmLogin() or the like while this request ran. What the request changed is saved in the session that
   * goes on, but the request learns neither its id nor its data: whoever holds an id from before a login must not.
   */
  private async saveToHeir(core: SessionCore, operation: Operation): Promise<Written> {
    const replaced = (await this.records.load(core.key))?.record.metadata;
    if (replaced?.replaced === undefined || replaced.handle !== core.metadata.handle) return this.markGone(core);
    const found = await this.successorOf(replaced);
    if (found?.id === undefined || found.metadata.handle !== core.metadata.handle) return this.markGone(core);
    const heir = core.heir(found.loaded, found.id);
    if (heir === undefined) return this.markGone(core);
    const written = await this.queue.run(heir.key, () => this.swap(heir, operation, 'change'));
    if (written === 'gone') return this.markGone(core);
    core.savedToHeir();
    return 'skipped';
  }

  /** A swap was done. `found`: what the record has come to be since. */
  private sealed(core: SessionCore, { made, draft }: Sent, found?: Found): Written | Promise<Written> {
    // If another request has since made it somebody else's, that request settles it.
    if (
      draft.arrival === undefined ||
      (found !== undefined && found.loaded.record.metadata?.principal !== draft.metadata.principal)
    )
      return this.swapped(core, { made, draft }, found);
    return this.settled(core, core.key, draft).then((isIn) =>
      isIn ? this.swapped(core, { made, draft }, found) : this.undone(core, core.key, draft),
    );
  }

  private swapped(core: SessionCore, { made, draft }: Sent, found: Found | undefined): Written {
    take(core, made);
    core.saved(draft);
    if (found !== undefined) core.rebase(found.loaded, found.id);
    this.noteLogin(core.key, draft);
    return 'ok';
  }

  /**
   * The live record of an id, or of the id that it was renewed to. `retired`: the id was replaced, and there is no way forward from it.
   * `ended`: it was there, and its time is over.
   */
  async locate(id: string, known?: LoadedRecord): Promise<Found | 'retired' | 'ended' | undefined> {
    let at = id;
    for (let step = 0; step < MOST_STEPS; step += 1) {
      const loaded = step === 0 && known !== undefined ? known : await this.records.load(this.records.key(at));
      if (loaded === undefined) return undefined;
      const { metadata } = loaded.record;
      if (metadata === undefined && !(await this.manager.principals.mayAdopt(loaded))) {
        await this.records.destroy(loaded.key, loaded.revision);
        this.manager.events.emit('revoked', loaded.key);
        return 'ended';
      }
      if (!this.manager.isLive(metadata)) {
        if (metadata!.replaced !== undefined || metadata!.revokedUntil !== undefined) return undefined;
        this.manager.events.emit('expired', loaded.key, { handle: metadata!.handle, principal: metadata!.principal });
        return 'ended';
      }
      if (metadata?.replaced === undefined) return { id: at, loaded };
      const next = wayForward(at, metadata);
      if (next === undefined) return 'retired';
      at = next;
    }
    return undefined;
  }

  /** The live session of an id, unless its principal was logged out everywhere since. */
  async current(id: string): Promise<Found | undefined> {
    const found = await this.locate(id);
    if (typeof found !== 'object') return undefined;
    return (await this.manager.principals.endIfRevoked(found.loaded)) ? undefined : found;
  }

  /** New id: write the new record first, then swap the old one for a mark that it is retired. */
  private async rotate(
    core: SessionCore,
    operation: Operation,
    fn?: (draft: SessionValues) => unknown,
  ): Promise<Written> {
    const old = core.replaces ?? core;
    try {
      return await this.queue.run(old.key, () => this.rotateInTurn(core, operation, old, fn));
    } finally {
      if (core.admission !== undefined) await this.giveUpPlace(core);
    }
  }

  private async rotateInTurn(
    core: SessionCore,
    operation: Operation,
    old: SessionCore,
    fn: ((draft: SessionValues) => unknown) | undefined,
  ): Promise<Written> {
    const written: { key?: string } = {};
    try {
      return await this.rotateOver(core, operation, old, fn, written);
    } catch (error) {
      if (written.key !== undefined) await this.takeBack(core, written.key);
      throw error;
    }
  }

  /** @param written told the key of the new record, as long as it is to be taken back if something fails. */
  private async rotateOver(
    core: SessionCore,
    operation: Operation,
    old: SessionCore,
    fn: ((draft: SessionValues) => unknown) | undefined,
    written: { key?: string },
  ): Promise<Written> {
    const rotation = core.rotation!;
    let key: string | undefined;
    for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
      this.assertInTime(operation);
      const oldId = old.id;
      if (old.stored === undefined) {
        const found = await this.current(oldId);
        if (found === undefined) return this.rotateWithoutOld(core, operation, key, fn);
        old.rebase(found.loaded, found.id);
        if (found.id !== oldId && rotation === 'renew') {
          // Somebody else renewed it meanwhile: go on under his id.
          if (key !== undefined) await this.records.destroy(key);
          core.rotation = undefined;
          return fn !== undefined || core.isChanged() || core.cookieChanged || core.claim !== undefined
            ? this.swap(core, operation, 'change', fn)
            : 'ok';
        }
      }
      const made = fn === undefined ? undefined : await applied(core, fn);
      const draft = await this.draftOf(core, made);
      const id = core.nextId;
      if (key === undefined) {
        key = this.records.key(id);
        await this.createAs(core, key, draft);
        written.key = key;
        if (!(await this.settled(core, key, draft))) return await this.undone(core, key, draft);
      } else if ((await this.rewrite(key, draft)) === 'gone') throw endedAtLogin();
      this.assertInTime(operation);
      if (rotation === 'renew') delete written.key;
      const { result, nonce } = await this.retire(old, id, rotation, key);
      written.key = key;
      if (result === 'ok' || (result === 'conflict' && (await this.wasOurs(old, nonce)))) {
        core.id = id;
        take(core, made);
        core.saved(draft);
        this.manager.events.emit('renewed', key, {
          handle: draft.metadata.handle,
          principal: draft.metadata.principal,
          reason: rotation,
        });
        this.noteLogin(key, draft);
        return 'ok';
      }
      if (result === 'gone') return this.rotateWithoutOld(core, operation, key, fn);
      this.counters.conflicts += 1;
      old.pinBase();
      old.stored = undefined;
      await pause(attempt);
    }
    throw new SessionUnavailableError(
      `The session was changed by others ${MOST_TRIES} times while its id was to be renewed.`,
    );
  }

  /** Brings a record that was written for a new id up to date. Nobody else knows its id. */
  private async rewrite(key: string, draft: Draft): Promise<WriteResult> {
    const own = await this.records.load(key);
    if (own === undefined) return 'gone';
    return this.records.replace(key, draft.text, draft.metadata, draft.cookie, own.revision);
  }

  /** The old session was ended meanwhile. Who logs in, or begins anew, doesn't need it. */
  private async rotateWithoutOld(
    core: SessionCore,
    operation: Operation,
    key: string | undefined,
    fn: ((draft: SessionValues) => unknown) | undefined,
  ): Promise<Written> {
    // Whoever ended the new record ended this login.
    if (key !== undefined && (await this.records.destroy(key)) === 'gone') throw endedAtLogin();
    // Its place went with its record.
    if (core.admission?.isSettled) core.admission = undefined;
    if (core.rotation === 'confirm') throw endedAtLogin();
    if (core.rotation === 'renew') {
      core.rotation = undefined;
      return fn === undefined ? this.saveToHeir(core, operation) : this.markGone(core);
    }
    if (core.status === 'loaded') core.startOver();
    core.replaces = undefined;
    return this.create(core, operation, fn === undefined ? undefined : await applied(core, fn));
  }

  private async retire(
    old: SessionCore,
    next: string,
    rotation: Rotation,
    nextKey: string,
  ): Promise<{ result: WriteResult; nonce: string }> {
    const now = this.manager.now();
    const until = now + this.manager.options.renewGraceMs;
    const replaced = replacedBy(old.metadata, now, until, seal(this.manager.serverKeys[0]!, next, 'successor'));
    const { nonce } = replaced;
    if (rotation === 'renew') replaced.replaced!.clientLink = seal(wayForwardKey(old.id), next, 'way');
    try {
      return { result: await this.writeReplaced(old.key, replaced, old.stored!.revision), nonce };
    } catch (error) {
      // The store may have done it. After a renewal, the old id then leads to the new one, which has to stay.
      if (rotation === 'renew') this.later(() => this.endUnlessRenewed(old.key, nonce, nextKey));
      throw error;
    }
  }

  /** A replaced record is valid for peers: an empty session whose cookie ends with the grace time. */
  private writeReplaced(key: string, metadata: SessionMetadata, revision: Revision): Promise<WriteResult> {
    const cookie = JSON.stringify({
      originalMaxAge: metadata.replaced!.until - metadata.seenAt,
      expires: new Date(metadata.replaced!.until).toISOString(),
      httpOnly: true,
      path: '/',
    });
    return this.records.replace(key, recordText(cookie, '{}', metadata), metadata, cookie, revision);
  }

  private async endUnlessRenewed(oldKey: string, nonce: string, nextKey: string): Promise<void> {
    if ((await this.records.load(oldKey))?.record.metadata?.nonce !== nonce) await this.records.destroy(nextKey);
  }

  /** Looks again once the store must have done what it gave no answer to. */
  private later(look: () => Promise<unknown>): void {
    const again = (): void => void look().catch((error: unknown) => this.manager.noteStoreFailure('save', error));
    setTimeout(again, 2 * this.manager.options.storeTimeoutMs).unref();
  }

  private async wasOurs(old: SessionCore, nonce: string): Promise<boolean> {
    const loaded = await this.records.load(old.key);
    const ours = loaded?.record.metadata?.nonce === nonce;
    if (ours) this.counters.lostReplies += 1;
    return ours;
  }

  /** Ends the session, wherever it has gone on to. Nothing that was ended before is an error. It waits for no code of the app's. */
  destroy(core: SessionCore, mayEnd?: MayEnd): Promise<boolean> {
    const end = (): Promise<boolean> => this.endOf(core, mayEnd);
    return this.inTime(() => (core.applying ? end() : this.turns.run(core, end)));
  }

  private async endOf(core: SessionCore, mayEnd?: MayEnd): Promise<boolean> {
    const ended = core.replaces ?? core;
    if (ended.status !== 'loaded') return false;
    if (await this.end(ended.key, ended.id, ended.stored, mayEnd)) return true;
    // Replaced so long ago that the old record, which names its successor, is gone: the index knows the session by its handle.
    const { principal, handle: h } = ended.metadata;
    if (
      mayEnd !== undefined ||
      principal === undefined ||
      ended.ageMs < this.manager.options.renewGraceMs ||
      !this.records.canList
    )
      return false;
    const found = (await this.manager.principals.of(principal)).find(({ record }) => record.metadata!.handle === h);
    return found !== undefined && this.end(found.key, this.manager.idOfKey(found.key), found, isOf(principal));
  }

  /**
   * Ends what a key holds, or what it was renewed to, also if it is over by this process's clock.
   *
   * @param id the id where it is known.
   * @param mayEnd asked at each step, as a record may have become another's since it was listed. Default: it may be anybody's.
   */
  async end(key: string, id: string | undefined, known?: LoadedRecord, mayEnd: MayEnd = () => true): Promise<boolean> {
    let at = { key, id, known };
    for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
      at.known ??= await this.records.loadToEnd(at.key);
      if (at.known === undefined) return at.key !== key && this.endOverdueAt(at.key);
      const metadata = at.known.record.metadata;
      if (metadata?.revokedUntil !== undefined) return false;
      if (metadata?.replaced !== undefined) {
        const next = this.next(at.id, metadata);
        if (next === undefined) return false;
        at = { ...next, known: undefined };
        continue;
      }
      if (!mayEnd(metadata)) return false;
      const result = await this.records.destroy(at.key, at.known.revision);
      if (result !== 'conflict') return result === 'ok' || this.endOverdueAt(at.key);
      this.counters.conflicts += 1;
      at.known = undefined;
      await pause(attempt);
    }
    throw new SessionUnavailableError(
      `The session was changed by others ${MOST_TRIES} times while it was to be ended.`,
    );
  }

  /** A store may go by this process's clock, which may be wrong, and take a record to be over that it still holds. */
  private async endOverdueAt(key: string): Promise<boolean> {
    return (await this.records.destroyHidden(key)) === 'ok';
  }

  /** Ends the record of an id that is over by this process's clock, which may be wrong. Of an id that was replaced it ends nothing. */
  async endOverdue(id: string): Promise<boolean> {
    const key = this.records.key(id);
    const known = await this.records.loadToEnd(key);
    if (known === undefined) return this.endOverdueAt(key);
    return known.record.metadata?.replaced === undefined && this.end(key, id, known);
  }

  /** The live session that a replaced record has gone on to, for the server alone. */
  async successorOf(replaced: SessionMetadata): Promise<Successor | undefined> {
    let metadata = replaced;
    for (let step = 0; step < MOST_STEPS; step += 1) {
      const next = this.next(undefined, metadata);
      const loaded = next && (await this.records.load(next.key));
      if (loaded?.record.metadata === undefined) return undefined;
      metadata = loaded.record.metadata;
      if (metadata.replaced === undefined)
        return this.manager.isLive(metadata) ? { id: next!.id, loaded, metadata } : undefined;
    }
    return undefined;
  }

  /** Where a replaced record's session is now, for the server alone. */
  private next(id: string | undefined, metadata: SessionMetadata): { key: string; id: string | undefined } | undefined {
    const next = this.unsealed(metadata) ?? (id === undefined ? undefined : wayForward(id, metadata));
    const key = next === undefined ? metadata.replaced!.nextKey : this.records.key(next);
    return key === undefined ? undefined : { key, id: next };
  }

  private unsealed(metadata: SessionMetadata): string | undefined {
    const { serverLink: s } = metadata.replaced!;
    if (s === undefined) return undefined;
    for (const key of this.manager.serverKeys) {
      const id = unseal(key, s, 'successor');
      if (id !== undefined) return id;
    }
    return undefined;
  }

  private markGone(core: SessionCore): 'gone' {
    this.counters.gone += 1;
    if (core.status !== 'ended') core.status = 'gone';
    return 'gone';
  }
}

/** Whether a place was taken for this session. */
const isFor = (admission: Admission | undefined, metadata: SessionMetadata): boolean =>
  admission !== undefined && admission.principal === metadata.principal && admission.handle === metadata.handle;

/** Whether the session has an id that is to be replaced. */
function isRotating(core: SessionCore): boolean {
  return core.rotation !== undefined && (core.replaces ?? core).status === 'loaded';
}

/** The metadata of a record whose session goes on under another id. Whoever ends the principal's sessions finds that one by it. */
function replacedBy(metadata: SessionMetadata, now: number, until: number, successor: string): SessionMetadata {
  const end = Math.max(until, now + LONGEST_REQUEST_MS);
  const replaced: SessionMetadata = {
    createdAt: metadata.createdAt,
    seenAt: now,
    expiresAt: end,
    handle: metadata.handle,
    nonce: newNonce(),
    replaced: { until: until, serverLink: successor },
  };
  if (metadata.principal !== undefined) replaced.principal = metadata.principal;
  return replaced;
}

/** The new id that a retired record names; `undefined`: none, or the old id isn't the right one. */
export function wayForward(id: string, metadata: SessionMetadata | undefined): string | undefined {
  return metadata?.replaced?.clientLink === undefined
    ? undefined
    : unseal(wayForwardKey(id), metadata.replaced.clientLink, 'way');
}

/** What `update(fn)` made, and what it was given. */
interface Applied {
  readonly values: SessionValues;
  readonly before: ReadonlyMap<string, string>;
}

/** What was written is the session's from now on, at the keys that `fn` changed: what the app did to the others meanwhile stays. */
function take(core: SessionCore, made: Applied | undefined): void {
  if (made !== undefined) core.become(made.values, changedKeys(made.before, snapshot(made.values)));
}

/** Knows what runs within the fn of an `update(fn)`, behind its awaits too. Only an async fn enters it, as it costs. */
const within = new AsyncLocalStorage<SessionCore>();

/** Whether the caller is the fn of an `update(fn)` of this session. */
export function isWithinUpdate(core: SessionCore): boolean {
  return core.inSyncPart || (core.applying && within.getStore() === core);
}

async function applied(core: SessionCore, fn: (draft: SessionValues) => unknown): Promise<Applied> {
  const draft = core.copy();
  const before = snapshot(draft);
  core.applying = true;
  try {
    const values = await resultOf(core, draft, fn);
    if (core.status === 'ended')
      throw new SessionStateError('ENDED', 'The session was ended while fn of update(fn) ran.');
    assertKeys(core, values, before);
    return { values, before };
  } finally {
    core.applying = false;
  }
}

async function resultOf(
  core: SessionCore,
  draft: SessionValues,
  fn: (draft: SessionValues) => unknown,
): Promise<SessionValues> {
  core.inSyncPart = true;
  let running: unknown;
  try {
    running = types.isAsyncFunction(fn) ? within.run(core, () => fn(draft)) : fn(draft);
  } finally {
    core.inSyncPart = false;
  }
  const result = types.isPromise(running) ? await inTime(running, core.manager.options.storeTimeoutMs) : running;
  if (result === undefined) return draft;
  if (typeof result !== 'object' || result === null || Array.isArray(result)) {
    throw new SessionStateError(
      'UNSUPPORTED',
      'update(fn): fn changes the draft that it is given, or gives back an object with the new data.',
    );
  }
  return result as SessionValues;
}

/** While fn runs, nobody else in this process writes the session, so it has a time limit. */
async function inTime(running: Promise<unknown>, ms: number): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new SessionStateError(
            'UNSUPPORTED',
            `fn of update(fn) took longer than ${ms} ms ("storeTimeout"), so nothing was changed. Fetch what it needs before update(), and let fn only change the draft.`,
          ),
        ),
      ms,
    );
  });
  try {
    return await Promise.race([running, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What assignment to the session refuses is refused here too, unless an old record held it before. */
function assertKeys(core: SessionCore, values: SessionValues, before: ReadonlyMap<string, string>): void {
  const { reserved } = core.manager.surface;
  for (const key of Object.keys(values)) {
    if (ALWAYS_RESERVED.has(key) || (reserved.has(key) && !before.has(key))) throw new ReservedKeyError(key);
  }
  const prototype = Object.getPrototypeOf(values) as unknown;
  if (prototype !== Object.prototype && prototype !== null) throw new ReservedKeyError('__proto__');
}

const waitedTooLong = (ms: number): SessionUnavailableError =>
  new SessionUnavailableError(undefined, {
    cause: new Error(
      `Reading or saving the session, other writes of it included, took longer than ${ms} ms (see "storeTimeout").`,
    ),
  });
