import * as fs from 'node:fs';
import { join, resolve, sep } from 'node:path';

import { SessionStoreError } from '../session-store.error.js';
import { codeOf, succeeds } from './file-errors.js';
import { fileOf } from './file-names.js';

export const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** No record is this large. A larger file isn't ours, and isn't read into memory. */
const MOST_BYTES = 64 * 1024 * 1024;
// A symbolic link in place of a session's file could lead out of the folder. Windows has no such flag.
const READ = fs.constants.O_RDONLY | ((fs.constants.O_NOFOLLOW as number | undefined) ?? 0);

/** No file, or a symbolic link (ELOOP on Linux, EMLINK on the BSDs). */
const NO_FILE: readonly string[] = ['ENOENT', 'ELOOP', 'EMLINK'];

/** Most records fit into it, so that reading needs no new buffer. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * One version of a session's file, as it was read. Files are replaced as a whole and never changed. So the inode and
 * the modification time identify a version; and so does the content, if an inode is reused within one tick of the file
 * system's clock.
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

/**
 * The folder, and the system calls on it. Files that are no sessions are in `.keycard`, where session-file-store does
 * not look.
 */
export class SessionFolder {
  readonly path: string;
  readonly temps: string;
  readonly claims: string;
  readonly principals: string;
  /** Whether symbolic links can be created: on Windows few users may. */
  makesSymlinks = true;
  private syncing: Promise<void> | undefined;
  private syncNext: Promise<void> | undefined;

  constructor(path: string) {
    this.path = resolve(path);
    this.temps = join(this.path, '.keycard', 'tmp');
    this.claims = join(this.path, '.keycard', 'claims');
    this.principals = join(this.path, '.keycard', 'principals');
  }

  /** Creates the folders. Existing ones keep their mode. */
  make(): void {
    for (const folder of [this.temps, this.claims, this.principals]) {
      fs.mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
    }
  }

  /** Tests what the store relies on, and returns whether the disk ignores case. Throws if something is missing. */
  probe(owner: string): boolean {
    const [file, link, target, symlink] = ['a', 'b', 'c', 'd'].map((name) => join(this.temps, `${owner}.${name}`));
    try {
      fs.writeFileSync(file!, '', { mode: FILE_MODE });
      const foldsCase = fs.existsSync(join(this.temps, `${owner}.A`));
      fs.linkSync(file!, link!);
      const inodeOf = (path: string): bigint => fs.lstatSync(path, { bigint: true }).ino;
      if (inodeOf(file!) !== inodeOf(link!)) {
        throw new SessionStoreError(
          'REFUSED',
          `The two names of a linked file have different inodes in ${this.path}, so writers can't identify each other's files. Use a folder on a local disk.`,
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
      return foldsCase;
    } finally {
      for (const path of [file!, link!, target!, symlink!]) fs.rmSync(path, { force: true });
    }
  }

  fileOf(name: string): string {
    return this.path + sep + fileOf(name);
  }

  tempFile(temp: string): string {
    return this.temps + sep + temp;
  }

  /**
   * Reads a session's file; `undefined` if there is none, or it is no regular file. Blocks for about 5 µs if the file
   * is in the system's cache. Asynchronous reads use 5 to 20 times the CPU time, as handing over to a thread takes
   * longer than the read.
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

  /** Like `read`, without blocking. */
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

  /** Writes a temporary file, and flushes it to the disk if `fsync`. Its name must never have been used before. */
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

  /** Deletes a temporary file; `false` if it no longer existed. */
  discardTemp(temp: string): boolean {
    return succeeds(() => fs.unlinkSync(this.tempFile(temp)), 'ENOENT');
  }

  /** The temporary file with that inode. */
  tempOfInode(inode: bigint): string | undefined {
    const inodeOf = (temp: string): bigint | undefined =>
      fs.lstatSync(this.tempFile(temp), { bigint: true, throwIfNoEntry: false })?.ino;
    return fs.readdirSync(this.temps).find((temp) => inodeOf(temp) === inode);
  }

  /** Links a temporary file as a session's; `false` if the session has a file. */
  linkTemp(temp: string, name: string): boolean {
    return succeeds(() => fs.linkSync(this.tempFile(temp), this.fileOf(name)), 'EEXIST');
  }

  /** Renames a temporary file to a session's; `false` if it no longer exists. */
  renameTemp(temp: string, name: string): boolean {
    return succeeds(() => fs.renameSync(this.tempFile(temp), this.fileOf(name)), 'ENOENT');
  }

  /** Deletes the file of a session, whatever version it is. */
  unlink(name: string): void {
    succeeds(() => fs.unlinkSync(this.fileOf(name)), 'ENOENT');
  }

  /** Flushes the names in the folder to the disk. Calls during a flush share the next one. */
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

/** Flushes the names in a folder to the disk. Windows can't open folders, and flushes names by itself. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const fd = fs.openSync(path, 'r');
  try {
    await new Promise<void>((done, failed) => fs.fsync(fd, (error) => (error ? failed(error) : done())));
  } finally {
    fs.closeSync(fd);
  }
}
