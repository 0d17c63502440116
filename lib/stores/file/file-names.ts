import { createHash } from 'node:crypto';

const PLAIN = /^[A-Za-z0-9_-]{1,128}$/;
const HASHED = /^~[0-9a-f]{64}$/;
const SUFFIX = '.json';
const DEVICES = /^(?:con|prn|aux|nul|com\d|lpt\d)$/i;

/**
 * The file name of a session, without folder and suffix. An id of `[A-Za-z0-9_-]{1,128}` is the name, as in
 * session-file-store. Any other id becomes a hash behind a `~`, which no plain id contains. If the disk ignores case,
 * that includes ids with an upper-case letter.
 *
 * @param foldsCase whether `a` and `A` are the same file.
 */
export function nameOf(id: string, foldsCase: boolean): string {
  const isName = PLAIN.test(id) && !(foldsCase && /[A-Z]/.test(id)) && !DEVICES.test(id);
  return isName ? id : `~${createHash('sha256').update(id).digest('hex')}`;
}

/** Whether the name is a hash, so that the file has to contain the id. */
export function isHashed(name: string): boolean {
  return name.startsWith('~');
}

/** The file of a session within the folder. */
export function fileOf(name: string): string {
  return name + SUFFIX;
}

/** The name of a file; `undefined` if the file isn't a session's. */
export function nameOfFile(file: string): string | undefined {
  if (!file.endsWith(SUFFIX)) return undefined;
  const name = file.slice(0, -SUFFIX.length);
  return PLAIN.test(name) || HASHED.test(name) ? name : undefined;
}

/** Sorts names in parts, by their first letters. Sorting all names of a large folder at once would block requests. */
export class SortedNames {
  private readonly parts = new Map<string, string[]>();

  add(name: string): void {
    const start = name.slice(0, 2);
    const part = this.parts.get(start);
    if (part === undefined) this.parts.set(start, [name]);
    else part.push(name);
  }

  *[Symbol.iterator](): Generator<string, void, void> {
    for (const start of [...this.parts.keys()].sort()) yield* this.parts.get(start)!.sort();
  }
}

/** A principal as the name of a folder. */
export function tagOf(principal: string): string {
  return createHash('sha256').update(principal).digest('hex').slice(0, 32);
}
