import * as fs from 'node:fs';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';

import { type Clock, systemClock } from '../clock.js';
import { SessionStoreError } from '../session-store.error.js';
import {
  type ListedSession,
  type ListQuery,
  type Revision,
  type SessionRecord,
  SessionStore,
  type StoredSession,
  type WriteResult,
} from '../session-store.js';
import { codeOf, storeErrorOf } from './file-errors.js';
import { decode, encode, type FileContent } from './file-format.js';
import { isHashed, nameOf, nameOfFile, type NamingRules, tagOf } from './file-names.js';
import { KeyQueue } from './key-queue.js';
import { tidyLeftOvers } from './left-overs.js';
import { newOwner } from './owner.js';
import { PrincipalMarkers } from './principal-markers.js';
import { type FileVersion, isSameVersion, SessionFolder } from './session-folder.js';
import { VersionedFiles } from './versioned-files.js';

/** Options of `FileStore`. */
export interface FileStoreOptions {
  /** The folder. Made where it isn't there. Default: `./sessions`. */
  readonly path?: string;
  /** How long a session without a `cookie.originalMaxAge` lives after its last access, in ms; the same in all that share the folder. Default: an hour, as session-file-store has it (in seconds). */
  readonly ttl?: number;
  /** Decides what has expired. Default: the machine's clock. */
  readonly clock?: Clock;
  /** Whether a write is on the disk, and not only with the system, before it is acknowledged. Default: true. */
  readonly fsync?: boolean;
  /** How often what has expired is removed, in ms, give or take a quarter; `false` for never. Default: an hour. */
  readonly pruneInterval?: number | false;
  /** `sync` blocks for the 5 µs that a small file takes; `async` never blocks, for several times the CPU time: for slow network disks. Default: `sync`. */
  readonly reads?: 'sync' | 'async';
}

interface Live {
  readonly version: FileVersion;
  readonly content: FileContent;
}

/** How long to wait for a process that is about to remove what has expired, in ms. */
const PATIENCE = 2000;
const DEFAULT_BATCH = 100;

/**
 * Sessions in a folder, one file each, in the format of session-file-store. Several processes may share it. For
 * apps on one machine; the file system needs hard links and an atomic rename, as every local one has.
 *
 * Files are put in place whole. How compare-and-swap works between processes: see `VersionedFiles`.
 */
export class FileStore extends SessionStore {
  private readonly folder: SessionFolder;
  private readonly files: VersionedFiles;
  private readonly markers: PrincipalMarkers;
  private readonly queue = new KeyQueue();
  private readonly owner = newOwner();
  private readonly clock: Clock;
  private readonly ttl: number;
  private readonly fsync: boolean;
  private readonly pruneInterval: number;
  private readonly readsLater: boolean;
  private rules: NamingRules | undefined;
  private timer: NodeJS.Timeout | undefined;
  private temps = 0;

  constructor(options: FileStoreOptions = {}) {
    super();
    this.folder = new SessionFolder(options.path ?? './sessions');
    this.files = new VersionedFiles(this.folder, (name) => this.relist(name));
    this.markers = new PrincipalMarkers(this.folder);
    this.clock = options.clock ?? systemClock;
    this.ttl = options.ttl ?? 3_600_000;
    this.fsync = options.fsync ?? true;
    this.pruneInterval = options.pruneInterval === false ? 0 : (options.pruneInterval ?? 3_600_000);
    this.readsLater = options.reads === 'async';
  }

  /**
   * Makes the folder, and tidies what killed processes have left in it.
   *
   * @throws SessionStoreError with code `UNAVAILABLE` where the folder can't be made or written to.
   */
  override async open(): Promise<void> {
    await this.guard(async () => {
      this.ready();
      await tidyLeftOvers(this.folder, this.files, () => this.newTemp());
    });
    if (this.timer === undefined) this.schedulePrune();
  }

  override close(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    return Promise.resolve();
  }

  load(id: string): Promise<StoredSession | undefined> {
    if (this.readsLater) return this.guard(async () => stored(this.live(await this.folder.readLater(this.nameOf(id)))));
    try {
      return Promise.resolve(stored(this.live(this.folder.read(this.nameOf(id)))));
    } catch (error) {
      return Promise.reject(this.errorOf(error));
    }
  }

  create(id: string, record: SessionRecord): Promise<void> {
    return this.write(id, async (name) => {
      const tag = await this.announce(name, record);
      const deadline = performance.now() + PATIENCE;
      while (!(await this.place(name, this.contentOf(id, name, record)))) await waitBefore(deadline);
      if (tag !== undefined) this.markers.add(tag, name);
      if (this.fsync) await this.folder.sync();
    });
  }

  replace(id: string, record: SessionRecord, revision: Revision): Promise<WriteResult> {
    return this.write(id, async (name) => {
      for (;;) {
        const found = this.live(this.folder.read(name));
        if (found === undefined) return 'gone';
        if (!isSameVersion(found.version, revision as FileVersion | undefined)) return 'conflict';
        const tagBefore = found.content.tag;
        const tag = await this.announce(name, record, tagBefore);
        const outcome = await this.put(name, found.version, this.contentOf(id, name, record), this.fsync);
        if (outcome === 'busy') return 'gone';
        if (outcome === 'lost') continue;
        if (tag !== undefined) this.markers.add(tag, name);
        if (tagBefore !== undefined && tagBefore !== tagFor(record)) this.unlist(tagBefore, name);
        if (this.fsync) await this.folder.sync();
        return 'ok';
      }
    });
  }

  destroy(id: string, revision?: Revision): Promise<WriteResult> {
    return this.write(id, async (name) => {
      const result = await this.end(name, revision as FileVersion | undefined);
      if (result === 'ok' && this.fsync) await this.folder.sync();
      return result;
    });
  }

  /** In the order of names, by which a cursor stays good whatever comes and goes. */
  override async *list(query: ListQuery = {}): AsyncIterable<ListedSession> {
    const { principal, cursor, batch = DEFAULT_BATCH } = query;
    const tag = principal === undefined ? undefined : tagOf(principal);
    for await (const [name, found] of this.walk(tag, batch, cursor)) {
      const id = found.content.id ?? (isHashed(name) ? undefined : name);
      if (id !== undefined) yield { id, ...stored(found), cursor: name };
    }
  }

  override async count(query: { readonly principal?: string | undefined } = {}): Promise<number> {
    let count = 0;
    const tag = query.principal === undefined ? undefined : tagOf(query.principal);
    for await (const _ of this.walk(tag, DEFAULT_BATCH)) count += 1;
    return count;
  }

  override async clear(): Promise<void> {
    for await (const [name] of this.walk(undefined, DEFAULT_BATCH)) {
      await this.guard(() => this.queue.run(name, () => this.end(name)));
    }
    if (this.fsync) await this.guard(() => this.folder.sync());
  }

  override prune(): Promise<number> {
    return this.guard(async () => {
      this.ready();
      let pruned = 0;
      let seen = 0;
      for (const name of await this.names(undefined)) {
        if (this.removeExpired(name)) pruned += 1;
        if (++seen % DEFAULT_BATCH === 0) await nextTurn();
      }
      await tidyLeftOvers(this.folder, this.files, () => this.newTemp());
      return pruned;
    });
  }

  private write<T>(id: string, work: (name: string) => Promise<T>): Promise<T> {
    return this.guard(() => {
      const name = this.nameOf(id);
      return this.queue.run(name, () => work(name));
    });
  }

  /** Puts a new session where there is none or one that has ended; `false`: try again. */
  private async place(name: string, content: string): Promise<boolean> {
    const temp = this.newTemp();
    try {
      await this.folder.writeTemp(temp, content, this.fsync);
      if (this.folder.linkTemp(temp, name)) return true;
      const version = this.folder.read(name);
      if (version === undefined) return false;
      // What can't be read isn't overwritten either: somebody may want to look at it.
      const found = decode(version.content, this.ttl);
      if (found === undefined || found.expiresAt > this.clock.now()) {
        throw new SessionStoreError('ID_TAKEN', 'A session has this id already.');
      }
      return this.files.put(name, version, temp) === 'won';
    } finally {
      this.folder.discardTemp(temp);
    }
  }

  private async put(
    name: string,
    version: FileVersion,
    content: string,
    fsync: boolean,
  ): Promise<'won' | 'lost' | 'busy'> {
    const temp = this.newTemp();
    try {
      await this.folder.writeTemp(temp, content, fsync);
      return this.files.put(name, version, temp);
    } finally {
      this.folder.discardTemp(temp);
    }
  }

  private async end(name: string, revision?: FileVersion): Promise<WriteResult> {
    for (const deadline = performance.now() + PATIENCE; ;) {
      const found = this.live(this.folder.read(name));
      if (found === undefined) return 'gone';
      if (revision !== undefined && !isSameVersion(found.version, revision)) return 'conflict';
      const tombstone = this.tombstone();
      const outcome = await this.put(name, found.version, tombstone, false);
      if (outcome === 'busy') await waitBefore(deadline);
      if (outcome !== 'won') continue;
      const version = this.folder.read(name);
      if (version?.content === tombstone) this.files.remove(name, version, this.newTemp());
      if (found.content.tag !== undefined) this.unlist(found.content.tag, name);
      return 'ok';
    }
  }

  private removeExpired(name: string): boolean {
    const version = this.folder.read(name);
    const content = version && decode(version.content, this.ttl);
    if (version === undefined || content === undefined || content.expiresAt > this.clock.now()) return false;
    const removed = this.files.remove(name, version, this.newTemp());
    if (removed && content.tag !== undefined) this.unlist(content.tag, name);
    return removed;
  }

  private async *walk(tag: string | undefined, batch: number, cursor?: string): AsyncIterable<readonly [string, Live]> {
    let seen = 0;
    for (const name of await this.guard(() => this.names(tag))) {
      if (cursor !== undefined && name <= cursor) continue;
      const found = await this.guard(() => this.find(name, tag));
      if (found !== undefined) yield [name, found];
      if (++seen % batch === 0) await nextTurn();
    }
  }

  private async names(tag: string | undefined): Promise<string[]> {
    this.ready();
    if (tag !== undefined) return (await this.markers.namesOf(tag)).sort();
    const names = (await fs.promises.readdir(this.folder.path)).map(nameOfFile);
    return names.filter((name) => name !== undefined).sort();
  }

  private async find(name: string, tag: string | undefined): Promise<Live | undefined> {
    const found = this.live(this.readsLater ? await this.folder.readLater(name) : this.folder.read(name));
    if (tag === undefined || found?.content.tag === tag) return found;
    if (this.markers.isStale(tag, name)) this.unlist(tag, name);
    return undefined;
  }

  /** Makes the marker of a session that isn't under this principal yet; gives the tag that has to be marked once more. */
  private async announce(name: string, record: SessionRecord, before?: string): Promise<string | undefined> {
    const tag = tagFor(record);
    if (tag === undefined || tag === before) return undefined;
    this.markers.add(tag, name);
    if (this.fsync) await this.markers.sync(tag);
    return tag;
  }

  /** Takes a marker away; back it comes where the session has come back to that principal meanwhile. */
  private unlist(tag: string, name: string): void {
    this.markers.remove(tag, name);
    this.relist(name, tag);
  }

  private relist(name: string, only?: string): void {
    const tag = this.live(this.folder.read(name))?.content.tag;
    if (tag !== undefined && (only === undefined || tag === only)) this.markers.add(tag, name);
  }

  private live(version: FileVersion | undefined): Live | undefined {
    const content = version && decode(version.content, this.ttl);
    return content !== undefined && content.expiresAt > this.clock.now() ? { version: version!, content } : undefined;
  }

  private contentOf(id: string, name: string, record: SessionRecord): string {
    const { text, expiresAt } = record;
    return encode({ text, expiresAt, id: isHashed(name) ? id : undefined, tag: tagFor(record) }, this.ttl);
  }

  /** What stands where a session was until the file is gone: long expired, for session-file-store too. */
  private tombstone(): string {
    const cookie = { originalMaxAge: 1, expires: new Date(0).toISOString(), httpOnly: true, path: '/' };
    return encode({ text: JSON.stringify({ cookie, ended: this.newTemp() }), expiresAt: 1 }, this.ttl);
  }

  private newTemp(): string {
    return `${this.owner}.${(++this.temps).toString(36)}`;
  }

  private nameOf(id: string): string {
    return nameOf(id, this.ready());
  }

  private ready(): NamingRules {
    if (this.rules === undefined) {
      this.folder.make();
      this.rules = this.folder.probe(this.owner);
    }
    return this.rules;
  }

  private async guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.errorOf(error);
    }
  }

  private errorOf(error: unknown): unknown {
    // Somebody took the folder away: the next call makes it anew.
    if (codeOf(error) === 'ENOENT') this.rules = undefined;
    return storeErrorOf(error, `The folder of sessions ${this.folder.path} can't be used`);
  }

  private schedulePrune(): void {
    if (this.pruneInterval === 0) return;
    const delay = this.pruneInterval * (0.75 + Math.random() / 2);
    this.timer = setTimeout(
      () => {
        this.prune()
          .catch((error: unknown) =>
            process.emitWarning(`Expired sessions were not removed: ${String(error)}`, 'FileStore'),
          )
          .finally(() => this.timer !== undefined && this.schedulePrune());
      },
      Math.min(delay, 2 ** 31 - 1),
    ).unref();
  }
}

function tagFor(record: SessionRecord): string | undefined {
  return record.principal === undefined ? undefined : tagOf(record.principal);
}

function stored(found: Live): StoredSession;
function stored(found: Live | undefined): StoredSession | undefined;
function stored(found: Live | undefined): StoredSession | undefined {
  return found && { text: found.content.text, expiresAt: found.content.expiresAt, revision: found.version };
}

async function waitBefore(deadline: number): Promise<void> {
  if (performance.now() > deadline) {
    throw new SessionStoreError(
      'UNAVAILABLE',
      'Another process has been removing the expired session of this id for too long.',
    );
  }
  await pause(5);
}
