import * as fs from 'node:fs';
import { join, resolve, sep } from 'node:path';

import { SessionStoreError } from '../session-store.error.js';
import { codeOf, succeeds } from './file-errors.js';
import { fileOf } from './file-names.js';

export const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** A record is never near this; what is larger isn't ours, and isn't read into memory. */
const MOST_BYTES = 64 * 1024 * 1024;
// A link in place of a session's file would lead out of the folder. Windows has no such flag.
const READ = fs.constants.O_RDONLY | ((fs.constants.O_NOFOLLOW as number | undefined) ?? 0);

/** Nothing there, or a symbolic link (what Linux, and what the BSDs say). */
const NO_FILE: readonly string[] = ['ENOENT', 'ELOOP', 'EMLINK'];

/** Most records fit, and then a read needs no buffer of its own. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * One version of a session's file, as it was read. Files are put in place whole and never written to again, so the
 * inode and its time of writing tell any two versions apart, and the content does if an inode is used again
 * within one tick of the file system's clock.
 */
export interface FileVersion {
  readonly content: string;
  readonly inode: bigint;
  readonly writtenNs: bigint;
}

/** Whether two reads saw the same version. */
export function isSameVersion(a: FileVersion | undefined, b: FileVersion | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.inode === b.inode && a.writtenNs === b.writtenNs && a.content === b.content;
}

/** The folder, and what is done in it by plain system calls. What isn't a session is in `.keycard`, out of the way of session-file-store. */
export class SessionFolder {
  readonly path: string;
  readonly temps: string;
  readonly claims: string;
  readonly principals: string;
  /** Whether symbolic links can be made: Windows lets few do so. */
  makesSymlinks = true;
  private syncing: Promise<void> | undefined;
  private syncNext: Promise<void> | undefined;

  constructor(path: string) {
    this.path = resolve(path);
    this.temps = join(this.path, '.keycard', 'tmp');
    this.claims = join(this.path, '.keycard', 'claims');
    this.principals = join(this.path, '.keycard', 'principals');
  }

  /** Makes the folders. Those that exist keep their mode. */
  make(): void {
    for (const folder of [this.temps, this.claims, this.principals]) {
      fs.mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
    }
  }

  /** Tries what the store relies on, and finds out whether the disk folds case. Throws if something isn't to be had. */
  probe(owner: string): { readonly foldsCase: boolean } {
    const [file, link, target, symlink] = ['a', 'b', 'c', 'd'].map((name) => join(this.temps, `${owner}.${name}`));
    try {
      fs.writeFileSync(file!, '', { mode: FILE_MODE });
      const foldsCase = fs.existsSync(join(this.temps, `${owner}.A`));
      fs.linkSync(file!, link!);
      const inodeOf = (path: string): bigint => fs.lstatSync(path, { bigint: true }).ino;
      if (inodeOf(file!) !== inodeOf(link!)) {
        throw new SessionStoreError(
          'REFUSED',
          `The two names of a linked file show two inodes in ${this.path}, so that writers can't tell each other's files: use a folder on a local disk.`,
        );
      }
      fs.renameSync(link!, target!);
      this.makesSymlinks = succeeds(
        () => fs.symlinkSync('nowhere', symlink!),
        'EPERM',
        'ENOSYS',
        'ENOTSUP',
        'EOPNOTSUPP',
      );
      return { foldsCase };
    } finally {
      for (const path of [file!, link!, target!, symlink!]) fs.rmSync(path, { force: true });
    }
  }

  /** The file of a session. */
  fileOf(name: string): string {
    return this.path + sep + fileOf(name);
  }

  /** A temporary file. */
  tempFile(temp: string): string {
    return this.temps + sep + temp;
  }

  /**
   * What is in a session's file; `undefined` if there is none, or something else than a file. Blocks for some
   * 5 µs if the disk's cache has it: the asynchronous way takes 5 to 20 times the CPU time, for work that is
   * shorter than the hand-over to a thread.
   */
  read(name: string): FileVersion | undefined {
    let fd: number;
    try {
      fd = fs.openSync(this.fileOf(name), READ);
    } catch (error) {
      if (NO_FILE.includes(codeOf(error) ?? '')) return undefined;
      throw error;
    }
    try {
      const stat = fs.fstatSync(fd, { bigint: true });
      if (!stat.isFile() || stat.size > MOST_BYTES) return undefined;
      const size = Number(stat.size);
      const bytes = size <= scratch.length ? scratch : Buffer.allocUnsafe(size);
      let length = 0;
      for (let read = -1; length < size && read !== 0; length += read)
        read = fs.readSync(fd, bytes, length, size - length, length);
      return { content: bytes.toString('utf8', 0, length), inode: stat.ino, writtenNs: stat.mtimeNs };
    } finally {
      fs.closeSync(fd);
    }
  }

  /** The same, without blocking. */
  async readLater(name: string): Promise<FileVersion | undefined> {
    let handle: fs.promises.FileHandle;
    try {
      handle = await fs.promises.open(this.fileOf(name), READ);
    } catch (error) {
      if (NO_FILE.includes(codeOf(error) ?? '')) return undefined;
      throw error;
    }
    try {
      const stat = await handle.stat({ bigint: true });
      if (!stat.isFile() || stat.size > MOST_BYTES) return undefined;
      return { content: await handle.readFile('utf8'), inode: stat.ino, writtenNs: stat.mtimeNs };
    } finally {
      await handle.close();
    }
  }

  /** Writes a temporary file, through to the disk if asked. Its name must never have been used before. */
  async writeTemp(temp: string, content: string, fsync: boolean): Promise<void> {
    const fd = fs.openSync(this.tempFile(temp), 'wx', FILE_MODE);
    try {
      const bytes = Buffer.from(content);
      for (let at = 0; at < bytes.length;) at += fs.writeSync(fd, bytes, at);
      if (fsync)
        await new Promise<void>((done, failed) => fs.fdatasync(fd, (error) => (error ? failed(error) : done())));
    } finally {
      fs.closeSync(fd);
    }
  }

  /** Removes a temporary file; `false` if there was none any more. */
  discardTemp(temp: string): boolean {
    return succeeds(() => fs.unlinkSync(this.tempFile(temp)), 'ENOENT');
  }

  /** The temporary file of that inode. */
  tempOfInode(inode: bigint): string | undefined {
    const inodeOf = (temp: string): bigint | undefined =>
      fs.lstatSync(this.tempFile(temp), { bigint: true, throwIfNoEntry: false })?.ino;
    return fs.readdirSync(this.temps).find((temp) => inodeOf(temp) === inode);
  }

  /** Puts a temporary file where no file is; `false` where one is. */
  linkTemp(temp: string, name: string): boolean {
    return succeeds(() => fs.linkSync(this.tempFile(temp), this.fileOf(name)), 'EEXIST');
  }

  /** Puts a temporary file in place of what is there; `false` if the temporary file is no more. */
  renameTemp(temp: string, name: string): boolean {
    return succeeds(() => fs.renameSync(this.tempFile(temp), this.fileOf(name)), 'ENOENT');
  }

  /** Takes the file of a session away, whichever version is there. */
  unlink(name: string): void {
    succeeds(() => fs.unlinkSync(this.fileOf(name)), 'ENOENT');
  }

  /** Brings the names in the folder to the disk. Calls that come while one is under way share the next. */
  sync(): Promise<void> {
    if (this.syncing === undefined) {
      this.syncing = syncFolder(this.path).finally(() => (this.syncing = undefined));
      return this.syncing;
    }
    const next = (): Promise<void> => {
      this.syncNext = undefined;
      return this.sync();
    };
    this.syncNext ??= this.syncing.then(next, next);
    return this.syncNext;
  }
}

/** Brings the names in a folder to the disk. Windows opens no folders, and keeps names by itself. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const fd = fs.openSync(path, 'r');
  try {
    await new Promise<void>((done, failed) => fs.fsync(fd, (error) => (error ? failed(error) : done())));
  } finally {
    fs.closeSync(fd);
  }
}
