import { hash } from 'node:crypto';
import * as fs from 'node:fs';
import { join, sep } from 'node:path';

import { codeOf, succeeds } from './file-errors.js';
import { isAbandoned } from './owner.js';
import { FILE_MODE, type FileVersion, type SessionFolder } from './session-folder.js';

/**
 * What a process intends to do with one version of a file. `put`: replace it by a temporary file. `remove`: delete it;
 * only for sessions that have ended. The name of a temporary file and a mark begin with their owner, and are never used
 * again.
 */
export type Plan = { readonly kind: 'put'; readonly temp: string } | { readonly kind: 'remove'; readonly mark: string };

/** A plan that was found. A `put` is identified by the inode of its temporary file: see `tempOf`. */
export type Claim =
  { readonly kind: 'put'; readonly inode: bigint } | { readonly kind: 'remove'; readonly mark: string };

/** `links`: the paths of the claims; the last one is in force. */
export type Claimed =
  | { readonly outcome: 'mine'; readonly links: readonly string[] }
  | { readonly outcome: 'theirs'; readonly claim: Claim; readonly links: readonly string[] }
  | { readonly outcome: 'passed' };

/** After this time, a process in another container is no longer expected to complete a removal, in ms. */
const FOREIGN_AGE = 3_600_000;

/** The path of the claim on a version of a session's file. */
export function linkOf(name: string, version: FileVersion): string {
  const { content, inode, writtenNs } = version;
  return `${name}.${digest(`${inode}\n${writtenNs}\n${content}`)}`;
}

/** The session that a claim is about. */
export function nameOfLink(link: string): string {
  return link.slice(0, link.lastIndexOf('.'));
}

/** The owner at the beginning of the name of a temporary file or a claim. */
export function ownerOf(temp: string): string {
  return temp.split('.').slice(0, 4).join('.');
}

/**
 * Claims on versions of files.
 *
 * - A `put` is a hard link to its temporary file, with the claim's name. Creating a link fails if the name exists, and
 *   needs no inode and no block.
 * - A `remove` is a symbolic link whose target is its mark, if symbolic links can be created.
 */
export class Claims {
  constructor(private readonly folder: SessionFolder) {}

  /**
   * Claims a version, unless another process has. A claim that can no longer be completed is not removed, as the
   * removal could hit a newer claim. Instead it is succeeded by another claim, whose name is derived from it.
   *
   * @param first The path of the first claim on the version.
   * @param isCurrent Whether the version is still in place.
   */
  take(first: string, plan: Plan, isCurrent: () => boolean): Claimed {
    const links: string[] = [];
    for (let link = first; ;) {
      links.push(link);
      if (this.make(link, plan)) return { outcome: 'mine', links };
      const found = this.read(link);
      if (found === undefined) return { outcome: 'passed' };
      if (!this.isSpent(link, found, isCurrent)) return { outcome: 'theirs', claim: found, links };
      link = successorOf(link, found);
    }
  }

  /** Whether a claim is the first one on a version, or succeeds it. */
  leadsTo(first: string, wanted: string): boolean {
    for (let link = first; link !== wanted;) {
      const found = this.read(link);
      if (found === undefined) return false;
      link = successorOf(link, found);
    }
    return true;
  }

  /** Removes the claims on a version. Only after that version was replaced: see `VersionedFiles`. */
  drop(links: readonly string[]): void {
    for (const link of links) succeeds(() => fs.unlinkSync(this.pathOf(link)), 'ENOENT');
  }

  /** The claim at a path; `undefined` if there is none. */
  read(link: string): Claim | undefined {
    const path = this.pathOf(link);
    try {
      const stat = fs.lstatSync(path, { bigint: true });
      if (stat.isSymbolicLink()) {
        const text = fs.readlinkSync(path);
        return text.startsWith(REMOVAL) ? removal(text) : { kind: 'put', inode: stat.ino };
      }
      const fd = fs.openSync(path, 'r');
      try {
        // If symbolic links can't be created, a removal is a file too. The file of a session begins with a brace.
        const start = Buffer.alloc(LONGEST_MARK);
        const length = fs.readSync(fd, start, 0, LONGEST_MARK, 0);
        if (start[0] === REMOVAL.charCodeAt(0)) return removal(start.toString('latin1', 0, length));
        return { kind: 'put', inode: fs.fstatSync(fd, { bigint: true }).ino };
      } finally {
        fs.closeSync(fd);
      }
    } catch (error) {
      // EINVAL: a file has replaced the link in between, so the claimed version was replaced.
      if (['ENOENT', 'EINVAL'].includes(codeOf(error) ?? '')) return undefined;
      throw error;
    }
  }

  /**
   * The temporary file of a `put`; `undefined` if it no longer exists, and so never will. It is found by its inode in
   * the folder of temporary files, only by a process that completes another's claim. While the claim exists, no other
   * file has that inode. So check afterwards that the claim still exists.
   */
  tempOf(link: string): string | undefined {
    for (;;) {
      const inode = this.inodeOf(link);
      if (inode === undefined) return undefined;
      const temp = this.folder.tempOfInode(inode);
      if (this.inodeOf(link) === inode) return temp;
    }
  }

  private inodeOf(link: string): bigint | undefined {
    return fs.lstatSync(this.pathOf(link), { bigint: true, throwIfNoEntry: false })?.ino;
  }

  /**
   * Whether a claim on the current version can never be completed. A `put`: its temporary file is missing although the
   * version is still there (names are never used again). A `remove`: its process is dead.
   */
  private isSpent(link: string, claim: Claim, isCurrent: () => boolean): boolean {
    if (claim.kind === 'put') return this.tempOf(link) === undefined && isCurrent();
    return isAbandoned(ownerOf(claim.mark), this.pathOf(link), FOREIGN_AGE);
  }

  private make(link: string, plan: Plan): boolean {
    const path = this.pathOf(link);
    if (plan.kind === 'put') return succeeds(() => fs.linkSync(this.folder.tempFile(plan.temp), path), 'EEXIST');
    const text = REMOVAL + plan.mark;
    if (this.folder.makesSymlinks) return succeeds(() => fs.symlinkSync(text, path), 'EEXIST');
    // Without symbolic links, the mark is written to a file, which is linked when it is complete.
    const whole = join(this.folder.temps, `${plan.mark}.claim`);
    fs.writeFileSync(whole, text, { mode: FILE_MODE });
    try {
      return succeeds(() => fs.linkSync(whole, path), 'EEXIST');
    } finally {
      fs.unlinkSync(whole);
    }
  }

  private pathOf(link: string): string {
    return this.folder.claims + sep + link;
  }
}

function successorOf(link: string, claim: Claim): string {
  const said = claim.kind === 'put' ? `+${claim.inode}` : REMOVAL + claim.mark;
  return `${nameOfLink(link)}.${digest(`${link}\n${said}`)}`;
}

const REMOVAL = '-';
const LONGEST_MARK = 128;

const removal = (text: string): Claim => ({ kind: 'remove', mark: text.slice(REMOVAL.length) });

function digest(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 40);
}
