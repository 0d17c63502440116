import { type Claim, Claims, linkOf, nameOfLink } from './claims.js';
import { SessionStoreError } from '../session-store.error.js';
import { type FileVersion, isSameVersion, type SessionFolder } from './session-folder.js';

/**
 * `lost`: the version was replaced, or another process claimed it, and its claim was completed. `busy`: the version has
 * ended, and a process that seems to be alive is about to remove it.
 */
export type Outcome = 'won' | 'lost' | 'busy';

/**
 * Compare-and-swap on files between processes, without locks.
 *
 * A lock is not safe here: a process may check its lock, be stopped, lose the lock, and a minute later rename its file
 * over newer ones. A check before the `rename` can't prevent that. So the `rename` itself has to fail:
 *
 * 1. The writer writes the new content to a temporary file, under a name that is never used again.
 * 2. It claims the version that it read: it creates a hard link to that file, under a name derived from the version
 * (inode, modification time, content). Only one process can create that link.
 * 3. If the version is still in place after that, it renames the temporary file to the session's.
 * 4. It removes the claim. This is only done after the version was replaced.
 *
 * A process that finds another's claim doesn't wait: it completes steps 3 and 4 itself. The temporary file can be
 * renamed only once, whoever does it. So a writer that was stopped before its rename finds that the rename fails, and
 * overwrites nothing. A version never comes back, so a late claim is on a version that was replaced, and has no effect:
 * no two writers can replace one version. A process that dies leaves a temporary file, and perhaps a claim, which the
 * next process completes or succeeds.
 *
 * Only removal can't be made to fail, as `unlink` removes whatever version is there. So a session is ended by a `put`
 * of a tombstone, and only files of ended sessions are unlinked, under a claim that no other process completes. If a
 * process is stopped there, only a new session with the same id has to wait.
 */
export class VersionedFiles {
  private readonly claims: Claims;

  /** @param helped Called with the name of a session whose claim was completed for another process. */
  constructor(
    private readonly folder: SessionFolder,
    private readonly helped: (name: string) => void,
  ) {
    this.claims = new Claims(folder);
  }

  /** Replaces a version by a temporary file. */
  put(name: string, version: FileVersion, temp: string): Outcome {
    const isCurrent = (): boolean => isSameVersion(this.folder.read(name), version);
    const claimed = this.claims.take(linkOf(name, version), { kind: 'put', temp }, isCurrent);
    if (claimed.outcome === 'passed') return 'lost';
    if (claimed.outcome === 'theirs') return this.help(name, claimed.claim, claimed.links, isCurrent) ? 'lost' : 'busy';
    if (!isCurrent()) {
      // If another process completed our claim, the temporary file is gone.
      const wasPut = !this.folder.discardTemp(temp);
      this.claims.drop(claimed.links);
      return wasPut ? 'won' : 'lost';
    }
    if (!this.folder.renameTemp(temp, name) && isCurrent()) {
      throw new SessionStoreError(
        'UNAVAILABLE',
        'A temporary file of FileStore was deleted before it could be used. Does another program clean up the folder?',
      );
    }
    this.claims.drop(claimed.links);
    return 'won';
  }

  /** Removes the file of an ended version, unless it is claimed. */
  remove(name: string, version: FileVersion, mark: string): boolean {
    const isCurrent = (): boolean => isSameVersion(this.folder.read(name), version);
    const claimed = this.claims.take(linkOf(name, version), { kind: 'remove', mark }, isCurrent);
    if (claimed.outcome === 'passed') return false;
    if (claimed.outcome === 'theirs') {
      this.help(name, claimed.claim, claimed.links, isCurrent);
      return false;
    }
    const isThere = isCurrent();
    if (isThere) this.folder.unlink(name);
    this.claims.drop(claimed.links);
    return isThere;
  }

  /** Completes the claim of a process that died. A removal is done under a new claim with this mark. */
  finish(link: string, mark: string): void {
    const claim = this.claims.read(link);
    if (claim === undefined) return;
    const name = nameOfLink(link);
    const found = this.folder.read(name);
    const isCurrent = (): boolean => isSameVersion(this.folder.read(name), found);
    if (found === undefined || !this.claims.leadsTo(linkOf(name, found), link)) this.claims.drop([link]);
    else if (claim.kind === 'remove') this.remove(name, found, mark);
    else this.help(name, claim, [link], isCurrent);
  }

  /** @param links The last one is the claim's path. */
  private help(name: string, claim: Claim, links: readonly string[], isCurrent: () => boolean): boolean {
    if (claim.kind === 'remove') {
      if (isCurrent()) return false;
    } else {
      // Look for the temporary file first. If the version is in place after that, the claim is the one in force.
      const temp = this.claims.tempOf(links.at(-1)!);
      if (isCurrent()) {
        if (temp !== undefined && this.folder.renameTemp(temp, name)) this.helped(name);
        // It was not put, and never will be: the next `take` succeeds the claim.
        else if (isCurrent()) return true;
      }
    }
    this.claims.drop(links);
    return true;
  }
}
