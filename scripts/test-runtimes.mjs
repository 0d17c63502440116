/**
 * Tests on the runtimes that the package supports: on Node 22, 24 and 26 the quick tests whole, as `npm test` runs them, and on
 * Bun and Deno one visitor's journey through the build. Each runtime comes from npm, into a cache outside the tree. Ends with status 1
 * where one fails, after the others had their turn.
 *
 *     npm run build && npm run test:runtimes                 # all of them
 *     node scripts/test-runtimes.mjs node@26 bun             # some
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, homedir } from 'node:os';
import { join } from 'node:path';

const cache = process.env.KEYCARD_RUNTIMES ?? join(homedir(), '.cache', 'nestjs-keycard', 'runtimes');
const known = ['node@22', 'node@24', 'node@26', 'bun', 'deno'];

/** The binary of a runtime, which npm has put there. */
function installed(runtime) {
  const folder = join(cache, runtime.replace('@', '-'));
  const binary = join(folder, 'node_modules', '.bin', runtime.split('@')[0]);
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', runtime], {
    cwd: folder,
    stdio: 'inherit',
  });
  if (status !== 0 || !existsSync(binary)) throw new Error(`${runtime} could not be installed from npm.`);
  return binary;
}

function run(runtime, binary) {
  const [name] = runtime.split('@');
  const journey = join('scripts', 'runtimes', 'journey.mjs');
  const args = {
    node: ['node_modules/jest/bin/jest.js', `--maxWorkers=${availableParallelism() + 1}`, '--selectProjects', 'quick'],
    bun: [journey],
    deno: ['run', '-A', journey],
  }[name];
  const env = { ...process.env };
  // A test of the package's own that needs a server is none of the runtime's.
  delete env.KEYCARD_REQUIRE;
  if (name === 'node') env.NODE_OPTIONS = '--experimental-vm-modules --no-warnings';
  return spawnSync(binary, args, { stdio: 'inherit', env }).status === 0;
}

const asked = process.argv.slice(2);
const unknown = asked.find((each) => !known.includes(each));
if (unknown !== undefined) {
  console.error(`There is no runtime "${unknown}" here: ${known.join(', ')}.`);
  process.exit(2);
}
const results = (asked.length > 0 ? asked : known).map((runtime) => {
  const binary = installed(runtime);
  const version = spawnSync(binary, ['--version'], { encoding: 'utf8' }).stdout.trim().split('\n')[0];
  console.log(`\n== ${runtime}: ${version}`);
  const startedAt = performance.now();
  const passed = run(runtime, binary);
  return `${runtime} (${version}): ${passed ? 'passed' : 'FAILED'}, ${Math.round((performance.now() - startedAt) / 1000)} s`;
});
console.log(`\n${results.join('\n')}`);
process.exit(results.some((each) => each.includes('FAILED')) ? 1 : 0);
