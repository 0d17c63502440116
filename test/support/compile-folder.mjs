import { transform } from '@swc/core';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Transpiles a folder of TypeScript to plain JavaScript, without checking types: Node 20 runs no TypeScript. Specs are left out. */
export async function compileFolder(source, target, format = 'es6') {
  const files = await readdir(source, { recursive: true, withFileTypes: true });
  await Promise.all(
    files
      .filter((file) => file.isFile() && !file.name.endsWith('.spec.ts'))
      .map(async (file) => {
        const from = join(file.parentPath, file.name);
        const to = join(target, from.slice(source.length));
        await mkdir(dirname(to), { recursive: true });
        if (!file.name.endsWith('.ts')) return cp(from, to);
        const { code } = await transform(await readFile(from, 'utf8'), {
          filename: from,
          swcrc: false,
          sourceMaps: false,
          jsc: {
            target: 'es2022',
            parser: { syntax: 'typescript', decorators: true },
            transform: { legacyDecorator: true, decoratorMetadata: true },
          },
          module: { type: format },
        });
        return writeFile(to.replace(/\.ts$/, '.js'), code);
      }),
  );
}
