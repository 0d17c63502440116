import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';

import { codeOf, succeeds } from './file-errors.js';
import { livenessOf } from './owner.js';
import { FILE_MODE, type FileVersion, type SessionFolder } from './session-folder.js';

/** What somebody is about to do to one version of one file. */
export interface Claim {
  /** `put`: the temporary file takes its place. `remove`: the file goes; only ever said of what has ended. */
  readonly kind: 'put' | 'remove';
  /** The temporary file of a `put`; a name as unique for a `remove`. Begins with its owner. */
  readonly temp: string;
}

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
 * Claims are symbolic links that lead nowhere, where those can be had: making one writes its text and fails where
 * one is, in one step. The text stays under the 60 bytes that ext4 keeps without a block, which halves what it costs.
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
  take(first: string, claim: Claim, isCurrent: () => boolean): Claimed {
    const links: string[] = [];
    for (let link = first; ;) {
      links.push(link);
      if (this.make(link, claim)) return { outcome: 'mine', links };
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

  /** The claim under a link; `undefined` where there is none. */
  read(link: string): Claim | undefined {
    const path = this.pathOf(link);
    const stat = fs.lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    try {
      return decode(stat.isSymbolicLink() ? fs.readlinkSync(path) : fs.readFileSync(path, 'utf8'));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
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
    if (claim.kind === 'put') return !this.folder.hasTemp(claim.temp) && isCurrent();
    const liveness = livenessOf(ownerOf(claim.temp));
    return liveness === 'dead' || (liveness === 'unknown' && this.ageOf(link) > FOREIGN_AGE);
  }

  /** Where there are no symbolic links, the text comes as a file that is linked there whole. */
  private make(link: string, claim: Claim): boolean {
    const path = this.pathOf(link);
    if (this.folder.makesSymlinks) return succeeds(() => fs.symlinkSync(encode(claim), path), 'EEXIST');
    const whole = join(this.folder.temps, `${claim.temp}.claim`);
    fs.writeFileSync(whole, encode(claim), { mode: FILE_MODE });
    try {
      return succeeds(() => fs.linkSync(whole, path), 'EEXIST');
    } finally {
      fs.unlinkSync(whole);
    }
  }

  private pathOf(link: string): string {
    return join(this.folder.claims, link);
  }
}

function successorOf(link: string, claim: Claim): string {
  return `${nameOfLink(link)}.${digest(`${link}\n${encode(claim)}`)}`;
}

function encode(claim: Claim): string {
  return (claim.kind === 'put' ? '+' : '-') + claim.temp;
}

function decode(text: string): Claim | undefined {
  if (!/^[+-]/.test(text)) return undefined;
  return { kind: text.startsWith('+') ? 'put' : 'remove', temp: text.slice(1) };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 40);
}
