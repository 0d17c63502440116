import * as fs from 'node:fs';
import { join } from 'node:path';

import { codeOf, succeeds } from './file-errors.js';
import { type SessionFolder, syncFolder } from './session-folder.js';

/** For this long, a marker may belong to a session that is about to be written, in ms. */
const FRESH = 60_000;

/**
 * The sessions of each principal: for each session an empty file with its name, in a folder named by the hash of the
 * principal. A marker is created before the session is written, and again after it. It is removed after the session no
 * longer names the principal. So a crash may leave a marker too many, but never one too few. `list` checks the
 * sessions.
 */
export class PrincipalMarkers {
  constructor(private readonly folder: SessionFolder) {}

  /** Creates the marker, or sets its age to zero. */
  add(tag: string, name: string): void {
    // When another process removes the last marker, it removes the folder too, perhaps just now.
    for (let attempt = 0; attempt < 10; attempt++) {
      succeeds(() => fs.mkdirSync(this.pathOf(tag), { mode: 0o700 }), 'EEXIST');
      if (succeeds(() => this.touch(tag, name), 'ENOENT')) return;
    }
    throw new Error('The folder of a principal was removed each time it was created.');
  }

  /** Flushes the marker to the disk. */
  async sync(tag: string): Promise<void> {
    await syncFolder(this.folder.principals);
    await syncFolder(this.pathOf(tag));
  }

  remove(tag: string, name: string): void {
    succeeds(() => fs.unlinkSync(join(this.pathOf(tag), name)), 'ENOENT');
    succeeds(() => fs.rmdirSync(this.pathOf(tag)), 'ENOENT', 'ENOTEMPTY', 'EEXIST');
  }

  /** Whether the marker is old enough to be removed if no session matches it. */
  isStale(tag: string, name: string): boolean {
    const stat = fs.lstatSync(join(this.pathOf(tag), name), { throwIfNoEntry: false });
    return stat !== undefined && Date.now() - stat.mtimeMs > FRESH;
  }

  /** The names of the sessions that may be the principal's. */
  async namesOf(tag: string): Promise<string[]> {
    try {
      return await fs.promises.readdir(this.pathOf(tag));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
  }

  private touch(tag: string, name: string): void {
    const fd = fs.openSync(join(this.pathOf(tag), name), 'a', 0o600);
    try {
      const now = Date.now() / 1000;
      fs.futimesSync(fd, now, now);
    } finally {
      fs.closeSync(fd);
    }
  }

  private pathOf(tag: string): string {
    return join(this.folder.principals, tag);
  }
}
