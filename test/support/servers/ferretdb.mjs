/**
 * FerretDB v1 speaks MongoDB's wire protocol on an embedded SQLite: for machines that can't have mongod. Built once from
 * its Go module, pinned by version and checksum, with the dependencies its own go.sum names.
 */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram, isProgram } from './process.mjs';

const run = promisify(execFile);
const MODULE = 'github.com/FerretDB/FerretDB@v1.24.0';
const CHECKSUM = 'h1:7WJmezL48Bj9bYWnhT/bEJgX5gjT5s7LFdHTqkN25rA=';

/** Where the built program is kept; it outlives `npm ci`. */
export function ferretPath() {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(cache, 'nestjs-keycard', `ferretdb-v1.24.0-${process.platform}-${process.arch}`);
}

export function findGo() {
  return findProgram('go') ?? ['/usr/local/go/bin/go'].find(isProgram);
}

/** Builds it, or finds it built. Takes a minute or two on two cores. @throws where Go or its module proxy is missing. */
export async function buildFerret() {
  const target = ferretPath();
  if (isProgram(target)) return target;
  const go = findGo();
  if (!go) throw new Error('Go was not found.');
  const env = { ...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOFLAGS: '-buildvcs=false', GOWORK: 'off' };
  const { stdout } = await run(go, ['mod', 'download', '-json', MODULE], { env, cwd: homedir() });
  const { Dir: source, Sum: checksum } = JSON.parse(stdout);
  if (checksum !== CHECKSUM) throw new Error(`The checksum of ${MODULE} is ${checksum}, not the pinned ${CHECKSUM}.`);
  await mkdir(join(target, '..'), { recursive: true });
  const folder = await mkdtemp(join(tmpdir(), 'keycard-ferretdb-'));
  try {
    // a copy, since the module cache is read-only and the program won't start without this generated file
    await cp(source, folder, { recursive: true, mode: constants.COPYFILE_FICLONE });
    const versionFolder = join(folder, 'build', 'version');
    await chmod(versionFolder, 0o755);
    await writeFile(join(versionFolder, 'version.txt'), MODULE.split('@')[1]);
    const partial = `${target}.${process.pid}`;
    const tags = ['-tags', 'ferretdb_no_postgresql'];
    await run(go, ['build', '-trimpath', ...tags, '-o', partial, './cmd/ferretdb'], { env, cwd: folder });
    await rename(partial, target);
  } finally {
    await removeReadOnly(folder);
  }
  return target;
}

/** `rm -r`, for a tree whose folders were copied without the right to write in them. */
async function removeReadOnly(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  for (const path of [folder, ...folders]) await chmod(path, 0o755);
  await rm(folder, { recursive: true, force: true });
}
