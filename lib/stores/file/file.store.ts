import * as fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { KeyedQueue } from '../../common/keyed-queue.js';
import { Pruner, warnOfFailedPrune } from '../pruner.js';
import { warnAs } from '../store-options.js';
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
import { type FileStoreOptions, readFileStoreOptions } from './file-store.options.js';
import { isHashed, nameOf, nameOfFile, SortedNames, tagOf } from './file-names.js';
import { tidyAbandonedFiles } from './abandoned-files.js';
import { type LiveFile, SessionFiles } from './session-files.js';
import { type FileVersion, SessionFolder } from './session-folder.js';

const DEFAULT_BATCH = 100;

/**
 * Keeps sessions in a folder, one file each, in the format of session-file-store. Several processes on one machine may
 * share it. The file system needs hard links and an atomic rename, as every local one has.
 *
 * `VersionedFiles` and docs/stores/file-protocol.md explain how processes compare and swap.
 */
export class FileStore extends SessionStore {
  private readonly folder: SessionFolder;
  private readonly files: SessionFiles;
  private readonly queue = new KeyedQueue();
  private readonly fsync: boolean;
  private readonly pruner: Pruner;
  private readonly readsLater: boolean;
  private foldsCase: boolean | undefined;

  /** @throws TypeError if an option is wrong. */
  constructor(options: FileStoreOptions = {}) {
    super();
    const { path, ttl, clock, fsync, pruneInterval, reads } = readFileStoreOptions(options);
    this.folder = new SessionFolder(path);
    this.fsync = fsync;
    this.files = new SessionFiles(this.folder, { clock, ttl, fsync });
    this.pruner = new Pruner(pruneInterval, () => this.prune(), warnOfFailedPrune(warnAs('KEYCARD_FILE')));
    this.readsLater = reads === 'async';
    if (this.readsLater) Object.defineProperty(this, 'loadNow', { value: undefined });
  }

  /**
   * Creates the folder, and cleans up what killed processes have left in it.
   *
   * @throws SessionStoreError with code `UNAVAILABLE` if the folder can't be created or written to.
   */
  override async open(): Promise<void> {
    await this.guard(async () => {
      this.ready();
      await this.tidy();
    });
    this.pruner.start();
  }

  override close(): Promise<void> {
    this.pruner.stop();
    return Promise.resolve();
  }

  load(id: string, overdue = false): Promise<StoredSession | undefined> {
    return this.guard(async () => stored(await this.read(this.nameOf(id), overdue)));
  }

  override loadNow(id: string): StoredSession | undefined {
    try {
      return stored(this.files.live(this.folder.read(this.nameOf(id))));
    } catch (error) {
      throw this.errorOf(error);
    }
  }

  create(id: string, record: SessionRecord): Promise<void> {
    return this.write(id, (name) => this.files.create(id, name, record));
  }

  replace(id: string, record: SessionRecord, revision: Revision): Promise<WriteResult> {
    return this.write(id, (name) => this.files.replace(id, name, record, revision as FileVersion | undefined));
  }

  destroy(id: string, revision?: Revision): Promise<WriteResult> {
    return this.write(id, async (name) => {
      const result = await this.files.end(name, revision as FileVersion | undefined);
      if (result === 'ok' && this.fsync) await this.folder.sync();
      return result;
    });
  }

  /** In the order of names, in which a cursor stays valid when sessions come and go. */
  override async *list(query: ListQuery = {}): AsyncIterable<ListedSession> {
    const { principal, cursor, overdue, batch = DEFAULT_BATCH } = query;
    const tag = principal === undefined ? undefined : tagOf(principal);
    for await (const [name, found] of this.walk(tag, batch, cursor, overdue)) {
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
      await this.guard(() => this.queue.run(name, () => this.files.end(name)));
    }
    if (this.fsync) await this.guard(() => this.folder.sync());
  }

  override prune(): Promise<number> {
    return this.guard(async () => {
      this.ready();
      let pruned = 0;
      let seen = 0;
      // In the folder's own order: reading and sorting all names of a large folder would block requests.
      for await (const { name: file } of await fs.promises.opendir(this.folder.path, { bufferSize: DEFAULT_BATCH })) {
        const name = nameOfFile(file);
        if (name !== undefined && this.files.removeExpired(name)) pruned += 1;
        if (++seen % DEFAULT_BATCH === 0) await nextTurn();
      }
      await this.tidy();
      return pruned;
    });
  }

  private tidy(): Promise<void> {
    return tidyAbandonedFiles(this.folder, this.files.versions, () => this.files.newTemp());
  }

  private async read(name: string, overdue = false): Promise<LiveFile | undefined> {
    const version = this.readsLater ? await this.folder.readLater(name) : this.folder.read(name);
    return overdue ? this.files.present(version) : this.files.live(version);
  }

  private write<T>(id: string, work: (name: string) => Promise<T>): Promise<T> {
    return this.guard(() => {
      const name = this.nameOf(id);
      return this.queue.run(name, () => work(name));
    });
  }

  private async *walk(
    tag: string | undefined,
    batch: number,
    cursor?: string,
    overdue?: boolean,
  ): AsyncIterable<readonly [string, LiveFile]> {
    let seen = 0;
    for (const name of await this.guard(() => this.names(tag))) {
      if (cursor !== undefined && name <= cursor) continue;
      const found = await this.guard(() => this.find(name, tag, overdue));
      if (found !== undefined) yield [name, found];
      if (++seen % batch === 0) await nextTurn();
    }
  }

  private async names(tag: string | undefined): Promise<Iterable<string>> {
    this.ready();
    if (tag !== undefined) return (await this.files.markers.namesOf(tag)).sort();
    const names = new SortedNames();
    for await (const { name: file } of await fs.promises.opendir(this.folder.path, { bufferSize: 1_000 })) {
      const name = nameOfFile(file);
      if (name !== undefined) names.add(name);
    }
    return names;
  }

  private async find(name: string, tag: string | undefined, overdue?: boolean): Promise<LiveFile | undefined> {
    const found = await this.read(name, overdue);
    if (tag === undefined || found?.content.tag === tag) return found;
    if (this.files.markers.isStale(tag, name)) this.files.unlist(tag, name);
    return undefined;
  }

  private nameOf(id: string): string {
    const foldsCase = this.ready();
    return nameOf(id, foldsCase);
  }

  /** Creates and tests the folder, unless that was done. Returns whether the disk ignores case. */
  private ready(): boolean {
    if (this.foldsCase === undefined) {
      this.folder.make();
      this.foldsCase = this.folder.probe(this.files.owner);
    }
    return this.foldsCase;
  }

  private async guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.errorOf(error);
    }
  }

  private errorOf(error: unknown): unknown {
    // The folder was deleted: the next call creates it again.
    if (codeOf(error) === 'ENOENT') this.foldsCase = undefined;
    return storeErrorOf(error, `The session folder ${this.folder.path} can't be used`);
  }
}

function stored(found: LiveFile): StoredSession;
function stored(found: LiveFile | undefined): StoredSession | undefined;
function stored(found: LiveFile | undefined): StoredSession | undefined {
  return found && { text: found.content.text, expiresAt: found.content.expiresAt, revision: found.version };
}
