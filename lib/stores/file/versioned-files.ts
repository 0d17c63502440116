import { type Claim, Claims, linkOf, nameOfLink } from './claims.js';
import { SessionStoreError } from '../session-store.error.js';
import { type FileVersion, isSameVersion, type SessionFolder } from './session-folder.js';

/**
 * Compare-and-swap on files, between processes, without a lock that somebody could hold.
 *
 * A lock that is taken from a stopped holder doesn't stop it: it checks that the lock is its own, is stopped there,
 * and renames a minute later over what others have written since. No check that is apart from the `rename` closes
 * that gap, so here the `rename` itself is what fails:
 *
 * 1. The new content is written to a temporary file of a name that was never used and never will be.
 * 2. Its writer claims the version that it read: it links that file once more, under a name made of the version (inode,
 *    time of writing, content), so that it says what shall follow. One claim on a version can be made.
 * 3. Only if the version is still in place with the claim made, the temporary file is renamed to the session's.
 * 4. The claim is taken away, which is only ever done once its version is seen to have passed.
 *
 * Whoever meets a claim of another doesn't wait: it does steps 3 and 4 for it. The rename takes the temporary file
 * away, so it happens once, whoever does it; a writer that was stopped before it, or between the check and it,
 * finds on waking that its rename fails, and can't overwrite anything. A version doesn't come back, so a claim made
 * late is on a version that has passed, is never acted on, and no two claims can win on one version. A process
 * that dies leaves a temporary file, and at most a claim that the next comer carries out or succeeds.
 *
 * Removal is the one step that can't be made to fail for a late-comer, as `unlink` takes whatever is there. So a
 * session ends by a put of a tombstone, and only what has ended is unlinked, under a claim that nobody carries out
 * for its owner. All that a process that is stopped there holds up is a new session under the very same id.
 */
export class VersionedFiles {
  private readonly claims: Claims;

  /** @param helped Told the name of a session whose file was put in place for another process. */
  constructor(
    private readonly folder: SessionFolder,
    private readonly helped: (name: string) => void,
  ) {
    this.claims = new Claims(folder);
  }

  /**
   * Puts a temporary file in place of a version. `lost`: the version has passed, or another claimed it, and has
   * been helped. `busy`: the version has ended, and a process that seems alive is about to remove it.
   */
  put(name: string, version: FileVersion, temp: string): 'won' | 'lost' | 'busy' {
    const isCurrent = (): boolean => isSameVersion(this.folder.read(name), version);
    const claimed = this.claims.take(linkOf(name, version), { kind: 'put', temp }, isCurrent);
    if (claimed.outcome === 'passed') return 'lost';
    if (claimed.outcome === 'theirs') return this.help(name, claimed.claim, claimed.links, isCurrent) ? 'lost' : 'busy';
    if (!isCurrent()) {
      // Passed by the claim just made, which another has carried out? Then the temporary file is gone.
      const wasPut = !this.folder.discardTemp(temp);
      this.claims.drop(claimed.links);
      return wasPut ? 'won' : 'lost';
    }
    if (!this.folder.renameTemp(temp, name) && isCurrent()) {
      throw new SessionStoreError(
        'UNAVAILABLE',
        'A temporary file of the file store was removed before it was put in place.',
      );
    }
    this.claims.drop(claimed.links);
    return 'won';
  }

  /** Removes the file of a version that has ended, unless something else is about to happen to it. */
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

  /** Carries out what a process that is gone had claimed; if that is a removal, under a claim of our own, by this mark. */
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

  /** @param links The last one is the claim's. */
  private help(name: string, claim: Claim, links: readonly string[], isCurrent: () => boolean): boolean {
    if (claim.kind === 'remove') {
      if (isCurrent()) return false;
    } else {
      // Found first: a claim that says so while its version is in place afterwards is the one in force.
      const temp = this.claims.tempOf(links.at(-1)!);
      if (isCurrent()) {
        if (temp !== undefined && this.folder.renameTemp(temp, name)) this.helped(name);
        // Not put, and never will be: the next `take` succeeds it.
        else if (isCurrent()) return true;
      }
    }
    this.claims.drop(links);
    return true;
  }
}
