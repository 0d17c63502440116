import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileFolder } from './compile-folder.mjs';

const root = join(import.meta.dirname, '..', '..');

/** lib/ as plain JavaScript, for child processes: Node 20 runs no TypeScript. */
export interface CompiledLib {
  /** A folder that holds what lib/ holds, as `.js`: `join(path, 'stores', 'memory.store.js')`. */
  readonly path: string;
  /** Removes the folder. */
  remove(): Promise<void>;
}

/** Transpiles lib/ to a temporary folder, without checking types. Takes a fraction of a second; once a spec file is enough. */
export async function compileLib(format: 'es6' | 'commonjs' = 'es6'): Promise<CompiledLib> {
  const folder = await mkdtemp(join(tmpdir(), 'keycard-lib-'));
  const path = join(folder, 'lib');
  // The copy has to find the drivers and Nest, and its own module type.
  await writeFile(join(folder, 'package.json'), `{"type":"${format === 'es6' ? 'module' : 'commonjs'}"}\n`);
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await compileFolder(join(root, 'lib'), path, format);
  return { path, remove: () => rm(folder, { recursive: true, force: true }) };
}
