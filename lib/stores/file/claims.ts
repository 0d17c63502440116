import { hash } from 'node:crypto';
import * as fs from 'node:fs';
import { join, sep } from 'node:path';

import { codeOf, succeeds } from './file-errors.js';
import { livenessOf } from './owner.js';
import { FILE_MODE, type FileVersion, type SessionFolder } from './session-folder.js';

/**
 * What somebody is about to do to one version of one file. `put`: a temporary file takes its place. `remove`: the file
 * goes; only ever said of what has ended. A temporary file's name and a mark begin with their owner, and are never used again.
 */
export type Plan = { readonly kind: 'put'; readonly temp: string } | { readonly kind: 'remove'; readonly mark: string };

/** A plan as it is found. A `put` is known by the inode of its temporary file: see `tempOf`. */
export type Claim =
  { readonly kind: 'put'; readonly inode: bigint } | { readonly kind: 'remove'; readonly mark: string };

/** `links`: where the claims stand, the last being the one in force. */
export type Claimed =
  | { readonly outcome: 'mine'; readonly links: readonly string[] }
  | { readonly outcome: 'theirs'; readonly claim: Claim; readonly links: readonly string[] }
  | { readonly outcome: 'passed' };

/** After so long nobody in another container is taken to be about to remove a file, in ms. */
const FOREIGN_AGE = 3_600_000;

/** Where the claim on a version of a session's file stands. */
export function linkOf(name: string, version: FileVersion): string {
  const { content, inode, writtenNs } = version;
  return `${name}.${digest(`${inode}\n${writtenNs}\n${content}`)}`;
}

/** The session that a claim is about. */
export function nameOfLink(link: string): string {
  return link.slice(0, link.lastIndexOf('.'));
}

/** The owner that a temporary file, or a claim, begins with. */
export function ownerOf(temp: string): string {
  return temp.split('.').slice(0, 4).join('.');
}

/**
 * The claim of a `put` is its temporary file, linked once more under the claim's name: making a link fails where one is, and
 * costs neither an inode nor a block. That of a `remove` is a symbolic link that leads nowhere and says its mark, if those can be had.
 */
export class Claims {
  constructor(private readonly folder: SessionFolder) {}

  /**
   * Claims a version, unless somebody has. A claim that nobody can carry out any more isn't taken away, as that
   * could hit one that has come in its place; it is succeeded, by a claim whose name follows from it.
   *
   * @param first Where the claim on the version stands, or the first of those that succeed each other.
   * @param isCurrent Whether the version is still the one in place.
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

  /** Whether a claim is the one on a version, or one that succeeds it. */
  leadsTo(first: string, wanted: string): boolean {
    for (let link = first; link !== wanted;) {
      const found = this.read(link);
      if (found === undefined) return false;
      link = successorOf(link, found);
    }
    return true;
  }

  /** Takes claims on a version away. Only once that version has passed: see `VersionedFiles`. */
  drop(links: readonly string[]): void {
    for (const link of links) succeeds(() => fs.unlinkSync(this.pathOf(link)), 'ENOENT');
  }

  /** The claim under a link; `undefined` if there is none. */
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
        // Where no symbolic links can be made, a removal is a file too. A session's begins with a brace.
        const start = Buffer.alloc(LONGEST_MARK);
        const length = fs.readSync(fd, start, 0, LONGEST_MARK, 0);
        if (start[0] === REMOVAL.charCodeAt(0)) return removal(start.toString('latin1', 0, length));
        return { kind: 'put', inode: fs.fstatSync(fd, { bigint: true }).ino };
      } finally {
        fs.closeSync(fd);
      }
    } catch (error) {
      // EINVAL: a link gave way to a file in between, so that what it claimed has passed.
      if (['ENOENT', 'EINVAL'].includes(codeOf(error) ?? '')) return undefined;
      throw error;
    }
  }

  /**
   * The temporary file that a `put` would put in place; `undefined` if there is none any more, and so never will be.
   * It is looked for by its inode, in the folder of temporary files: only who meets another's claim does so. As long as the claim
   * stands, that inode is no other file's; so what was found counts only if it still does.
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

  /** How long a claim has stood, in ms. */
  ageOf(link: string): number {
    const stat = fs.lstatSync(this.pathOf(link), { throwIfNoEntry: false });
    return stat === undefined ? 0 : Date.now() - stat.mtimeMs;
  }

  /**
   * Whether a claim on the version in place can't be carried out any more, now and for ever: a `put` whose temporary
   * file is gone though the version is still there was not put; names of temporary files don't come back. A
   * `remove` whose process is dead won't be done by it.
   */
  private isSpent(link: string, claim: Claim, isCurrent: () => boolean): boolean {
    if (claim.kind === 'put') return this.tempOf(link) === undefined && isCurrent();
    const liveness = livenessOf(ownerOf(claim.mark));
    return liveness === 'dead' || (liveness === 'unknown' && this.ageOf(link) > FOREIGN_AGE);
  }

  private make(link: string, plan: Plan): boolean {
    const path = this.pathOf(link);
    if (plan.kind === 'put') return succeeds(() => fs.linkSync(this.folder.tempFile(plan.temp), path), 'EEXIST');
    const text = REMOVAL + plan.mark;
    if (this.folder.makesSymlinks) return succeeds(() => fs.symlinkSync(text, path), 'EEXIST');
    // Without them the text comes as a file that is linked there whole.
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
