// Builds dist/esm, dist/cjs and what `nest add` runs, dist/schematics. Each folder says its own module type, so that `require` gets CommonJS.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');

rmSync(join(root, 'dist'), { recursive: true, force: true });
for (const [format, config, type] of [
  ['esm', 'tsconfig.build.json', 'module'],
  ['cjs', 'tsconfig.cjs.json', 'commonjs'],
  ['schematics', 'tsconfig.schematics.json', 'commonjs'],
]) {
  execFileSync(process.execPath, [tsc, '-p', join(root, config)], { stdio: 'inherit', cwd: root });
  mkdirSync(join(root, 'dist', format), { recursive: true });
  writeFileSync(join(root, 'dist', format, 'package.json'), `${JSON.stringify({ type })}\n`);
}
makeRequireCallable(join(root, 'dist', 'cjs', 'express'));
cpSync(join(root, 'schematics', 'collection.json'), join(root, 'dist', 'schematics', 'collection.json'));

/** `require('nestjs-keycard/express')` gives the function itself, as `require('express-session')` does. */
function makeRequireCallable(folder) {
  for (const extension of ['js', 'd.ts']) {
    renameSync(join(folder, `index.${extension}`), join(folder, `exports.${extension}`));
    cpSync(join(root, 'scripts', 'express-cjs', `index.${extension}`), join(folder, `index.${extension}`));
  }
}
