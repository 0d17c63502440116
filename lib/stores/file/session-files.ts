import { setTimeout as pause } from 'node:timers/promises';

import { idTaken, SessionStoreError } from '../session-store.error.js';
import type { SessionRecord, WriteResult } from '../session-store.js';
import { decode, encode, type FileContent } from './file-format.js';
import type { ResolvedFileOptions } from './file-store.options.js';
import { isHashed, tagOf } from './file-names.js';
import { newOwner } from './owner.js';
import { PrincipalMarkers } from './principal-markers.js';
import { type FileVersion, isSameVersion, type SessionFolder } from './session-folder.js';
import { type Outcome, VersionedFiles } from './versioned-files.js';

/** The expiry in the file of an ended session. No live session has it. */
const ENDED_AT = 1;

/** A session that was read and has not ended. */
export interface LiveFile {
  readonly version: FileVersion;
  readonly content: FileContent;
}

/** How long to wait for a process that is removing an expired session, in ms. */
const PATIENCE = 2000;

/** Sessions as files, with their markers. Calls for one name must run one after the other. */
export class SessionFiles {
  readonly markers: PrincipalMarkers;
  readonly versions: VersionedFiles;
  /** The beginning of the names of this store's temporary files. */
  readonly owner = newOwner();
  private temps = 0;

  constructor(
    private readonly folder: SessionFolder,
    private readonly options: Pick<ResolvedFileOptions, 'clock' | 'ttl' | 'fsync'>,
  ) {
    this.versions = new VersionedFiles(folder, (name) => this.relist(name));
    this.markers = new PrincipalMarkers(folder);
  }

  async create(id: string, name: string, record: SessionRecord): Promise<void> {
    const tag = await this.announce(name, record);
    const deadline = performance.now() + PATIENCE;
    while (!(await this.place(name, this.contentOf(id, name, record)))) await waitBefore(deadline);
    if (tag !== undefined) this.markers.add(tag, name);
    if (this.options.fsync) await this.folder.sync();
  }

  async replace(
    id: string,
    name: string,
    record: SessionRecord,
    revision: FileVersion | undefined,
  ): Promise<WriteResult> {
    // The version that the caller read is checked again after it was claimed. So it is only read here after a failure.
    for (
      let found = this.live(revision) ?? this.live(this.folder.read(name));
      ;
      found = this.live(this.folder.read(name))
    ) {
      if (found === undefined) return 'gone';
      if (!isSameVersion(found.version, revision)) return 'conflict';
      const before = found.content.tag;
      const tag = await this.announce(name, record, before);
      const outcome = await this.put(name, found.version, this.contentOf(id, name, record), this.options.fsync);
      if (outcome === 'busy') return 'gone';
      if (outcome === 'lost') continue;
      if (tag !== undefined) this.markers.add(tag, name);
      if (before !== undefined && before !== tagFor(record)) this.unlist(before, name);
      if (this.options.fsync) await this.folder.sync();
      return 'ok';
    }
  }

  /** Ends a session; flushing it to the disk is up to the caller. */
  async end(name: string, revision?: FileVersion): Promise<WriteResult> {
    for (const deadline = performance.now() + PATIENCE; ;) {
      const read = this.folder.read(name);
      // A session that is expired by this process's clock may be live by others'.
      const found = this.present(read);
      if (found === undefined) return 'gone';
      if (revision !== undefined && !isSameVersion(found.version, revision)) return 'conflict';
      const tombstone = this.tombstone();
      const outcome = await this.put(name, found.version, tombstone, false);
      if (outcome === 'busy') await waitBefore(deadline);
      if (outcome !== 'won') continue;
      const version = this.folder.read(name);
      if (version?.content === tombstone) this.versions.remove(name, version, this.newTemp());
      if (found.content.tag !== undefined) this.unlist(found.content.tag, name);
      return found.content.expiresAt > this.options.clock.now() ? 'ok' : 'gone';
    }
  }

  removeExpired(name: string): boolean {
    const version = this.folder.read(name);
    const content = version && decode(version.content, this.options.ttl);
    if (version === undefined || content === undefined || content.expiresAt > this.options.clock.now()) return false;
    const removed = this.versions.remove(name, version, this.newTemp());
    if (removed && content.tag !== undefined) this.unlist(content.tag, name);
    return removed;
  }

  /** The session in a version, unless it has ended. */
  live(version: FileVersion | undefined): LiveFile | undefined {
    const found = this.present(version);
    return found !== undefined && found.content.expiresAt > this.options.clock.now() ? found : undefined;
  }

  /** Like `live`, even if it is expired by this process's clock; but not if it was ended. */
  present(version: FileVersion | undefined): LiveFile | undefined {
    const content = version && decode(version.content, this.options.ttl);
    return content === undefined || content.expiresAt <= ENDED_AT ? undefined : { version: version!, content };
  }

  /** Removes a marker. Restores it if the session has become the principal's again meanwhile. */
  unlist(tag: string, name: string): void {
    this.markers.remove(tag, name);
    this.relist(name, tag);
  }

  /** A name that was never used, and never will be. */
  newTemp(): string {
    return `${this.owner}.${(++this.temps).toString(36)}`;
  }

  /** Writes a new session if there is none, or one that has ended. `false`: try again. */
  private async place(name: string, content: string): Promise<boolean> {
    const outcome = await this.withTemp(content, this.options.fsync, (temp) => {
      if (this.folder.linkTemp(temp, name)) return 'linked';
      const version = this.folder.read(name);
      if (version === undefined) return 'lost';
      // An unreadable file is not overwritten, as it may still be needed.
      const found = decode(version.content, this.options.ttl);
      if (found === undefined || found.expiresAt > this.options.clock.now()) throw idTaken();
      return this.versions.put(name, version, temp);
    });
    return outcome === 'linked' || outcome === 'won';
  }

  private put(name: string, version: FileVersion, content: string, fsync: boolean): Promise<Outcome> {
    return this.withTemp(content, fsync, (temp) => this.versions.put(name, version, temp));
  }

  private async withTemp<T>(content: string, fsync: boolean, use: (temp: string) => T): Promise<T> {
    const temp = this.newTemp();
    let result: T | undefined;
    try {
      await this.folder.writeTemp(temp, content, fsync);
      return (result = use(temp));
    } finally {
      // After `won`, the temporary file has become the session's, so there is nothing to delete.
      if (result !== 'won') this.folder.discardTemp(temp);
    }
  }

  /** Creates the marker if the principal has changed. Returns the tag to be marked again after the write. */
  private async announce(name: string, record: SessionRecord, before?: string): Promise<string | undefined> {
    const tag = tagFor(record);
    if (tag === undefined || tag === before) return undefined;
    this.markers.add(tag, name);
    if (this.options.fsync) await this.markers.sync(tag);
    return tag;
  }

  private relist(name: string, only?: string): void {
    const tag = this.live(this.folder.read(name))?.content.tag;
    if (tag !== undefined && (only === undefined || tag === only)) this.markers.add(tag, name);
  }

  private contentOf(id: string, name: string, record: SessionRecord): string {
    const { text, expiresAt } = record;
    return encode({ text, expiresAt, id: isHashed(name) ? id : undefined, tag: tagFor(record) }, this.options.ttl);
  }

  /** The content of an ended session's file until it is removed: long expired, for session-file-store too. */
  private tombstone(): string {
    const cookie = { originalMaxAge: 1, expires: new Date(0).toISOString(), httpOnly: true, path: '/' };
    return encode({ text: JSON.stringify({ cookie, ended: this.newTemp() }), expiresAt: ENDED_AT }, this.options.ttl);
  }
}

function tagFor(record: SessionRecord): string | undefined {
  return record.principal === undefined ? undefined : tagOf(record.principal);
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
