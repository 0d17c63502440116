import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** What `npm run build` makes of lib/ as ES modules, in a folder of its own: nobody's build gets in the way. Whoever asks removes it. */
export function buildLibrary() {
  const folder = join(root, '.cache', `bench-lib-${process.pid}`);
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  try {
    execFileSync(
      process.execPath,
      [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', folder, '--declaration', 'false'],
      { cwd: root, encoding: 'utf8' },
    );
  } catch (error) {
    console.error(`lib/ has errors of types:\n${error.stdout}`);
  }
  return folder;
}
