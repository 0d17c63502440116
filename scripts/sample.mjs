/**
 * npm run sample [-- 01-login]
 *
 * Builds the package where lib/ is newer than its build, compiles the sample, and runs it in this process.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '..');
const names = readdirSync(join(root, 'sample')).filter((name) =>
  existsSync(join(root, 'sample', name, 'src', 'main.ts')),
);
const name = process.argv[2] ?? '01-login';
if (!names.includes(name)) {
  console.error(`There is no sample "${name}"; there are ${names.join(', ')}.`);
  process.exit(1);
}

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
const sample = join(root, 'sample', name);

// The CommonJS half is built last, so its mark is that of a whole build.
const built = join(root, 'dist', 'cjs', 'package.json');
if (isStale(built, join(root, 'lib'))) run(join(root, 'scripts', 'build.mjs'));

const compiled = join(sample, 'dist', 'main.js');
if (isStale(compiled, join(sample, 'src')) || statSync(compiled).mtimeMs < statSync(built).mtimeMs) {
  rmSync(join(sample, 'dist'), { recursive: true, force: true });
  run(tsc, '-p', join(sample, 'tsconfig.json'));
}
try {
  await import(pathToFileURL(compiled).href);
} catch (error) {
  console.error(sentence(error) ?? error);
  process.exit(1);
}

/** What to do about what often goes wrong; of anything else the whole error is shown. */
function sentence({ code, port, message }) {
  if (code === 'EADDRINUSE')
    return `Something else listens on port ${port}. PORT=${port + 1} npm run sample takes another.`;
  if (code === 'ERR_SOCKET_BAD_PORT') return `PORT is "${process.env.PORT}"; it takes a number from 0 to 65535.`;
  return code === 'UNAVAILABLE' || message.startsWith('SESSION_') ? message : undefined;
}

function run(...command) {
  try {
    execFileSync(process.execPath, command, { stdio: 'inherit', cwd: root });
  } catch (error) {
    process.exit(error.status ?? 1); // the compiler has said why
  }
}

function isStale(target, sources) {
  if (!existsSync(target)) return true;
  const madeAt = statSync(target).mtimeMs;
  return readdirSync(sources, { recursive: true }).some((file) => statSync(join(sources, file)).mtimeMs > madeAt);
}
