import * as fs from 'node:fs';
import { join } from 'node:path';

import { codeOf, succeeds } from './file-errors.js';
import { type SessionFolder, syncFolder } from './session-folder.js';

/** A marker that was made within this time may be of a session that is about to be written, in ms. */
const FRESH = 60_000;

/**
 * Which sessions a principal has: for each an empty file of the session's name, in a folder named by the
 * principal's hash. A marker is made before the session says so and once more after it, and taken away after the
 * session says otherwise, so that a crash leaves a marker too many and never one too few; `list` asks the sessions.
 */
export class PrincipalMarkers {
  constructor(private readonly folder: SessionFolder) {}

  /** Makes the marker, or renews its age. */
  add(tag: string, name: string): void {
    // Whoever takes the last marker away takes the folder too, perhaps just now.
    for (let attempt = 0; attempt < 10; attempt++) {
      succeeds(() => fs.mkdirSync(this.pathOf(tag), { mode: 0o700 }), 'EEXIST');
      if (succeeds(() => this.touch(tag, name), 'ENOENT')) return;
    }
    throw new Error('The folder of a principal goes as fast as it is made.');
  }

  /** Brings the marker to the disk. */
  async sync(tag: string): Promise<void> {
    await syncFolder(this.folder.principals);
    await syncFolder(this.pathOf(tag));
  }

  remove(tag: string, name: string): void {
    succeeds(() => fs.unlinkSync(join(this.pathOf(tag), name)), 'ENOENT');
    succeeds(() => fs.rmdirSync(this.pathOf(tag)), 'ENOENT', 'ENOTEMPTY', 'EEXIST');
  }

  /** Whether the marker is old enough to be taken away if no session bears it out. */
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
