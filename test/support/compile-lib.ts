import { transform } from '@swc/core';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

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
  const files = await readdir(join(root, 'lib'), { recursive: true, withFileTypes: true });
  await Promise.all(
    files
      .filter((file) => file.isFile())
      .map(async (file) => {
        const source = join(file.parentPath, file.name);
        const target = join(path, source.slice(join(root, 'lib').length));
        await mkdir(dirname(target), { recursive: true });
        if (!file.name.endsWith('.ts')) return cp(source, target);
        const { code } = await transform(await readFile(source, 'utf8'), {
          filename: source,
          swcrc: false,
          sourceMaps: false,
          jsc: {
            target: 'es2022',
            parser: { syntax: 'typescript', decorators: true },
            transform: { legacyDecorator: true, decoratorMetadata: true },
          },
          module: { type: format },
        });
        return writeFile(target.replace(/\.ts$/, '.js'), code);
      }),
  );
  return { path, remove: () => rm(folder, { recursive: true, force: true }) };
}
