/**
 * npm run test:mutants [-- word …]
 *
 * Does each line of security have a test that sees it broken? Copies the repository to a temporary folder, sees that
 * the specs pass there, then makes the changes of test/mutants/mutants.mjs one at a time (those whose name or file
 * holds one of the words): with each, its spec must fail. The last line is `N passed, N failed`.
 */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mutants as all } from '../test/mutants/mutants.mjs';

const root = join(import.meta.dirname, '..');
const words = process.argv.slice(2);
const mutants =
  words.length === 0
    ? all
    : all.filter(({ name, file }) => words.some((word) => name.includes(word) || file.includes(word)));
const copy = await mkdtemp(join(tmpdir(), 'keycard-mutants-'));
const report = join(copy, 'report.json');
let child;
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
]) {
  process.once(signal, () => {
    child?.kill('SIGKILL');
    rm(copy, { recursive: true, force: true }).finally(() => process.exit(128 + number));
  });
}

let passed = 0;
let failed = 0;
try {
  for (const name of ['lib', 'test', 'scripts', 'package.json', 'jest.config.mjs', 'tsconfig.json'])
    await cp(join(root, name), join(copy, name), { recursive: true });
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
  const whole = await run([...new Set(mutants.map(({ spec }) => spec))]);
  if (whole.failed > 0 || whole.broken > 0 || whole.passed === 0) {
    console.log(
      `The specs fail without any change (${whole.names.join('; ') || "they don't run"}): nothing can be said of them.`,
    );
    failed += 1;
  } else for (const mutant of mutants) await judge(mutant);
} finally {
  await rm(copy, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function judge(mutant) {
  const originals = new Map();
  let verdict;
  try {
    for (const { file, find, replace } of [mutant, ...(mutant.also ?? [])]) {
      const text = await readFile(join(copy, file), 'utf8');
      if (!originals.has(file)) originals.set(file, text);
      if (text.split(find).length !== 2)
        throw new Error(`stands in ${file} ${text.split(find).length - 1} times: ${find}`);
      await writeFile(
        join(copy, file),
        text.replace(find, () => replace),
      );
    }
    const { failed: red, broken } = await run([mutant.spec], mutant.test);
    // A spec that doesn't even load says nothing about the line.
    verdict =
      broken > 0 ? 'the change breaks the code as a whole' : red > 0 ? undefined : `${mutant.spec} doesn't see it`;
  } catch (error) {
    verdict = error.message;
  }
  for (const [file, text] of originals) await writeFile(join(copy, file), text);
  if (verdict === undefined) passed += 1;
  else failed += 1;
  console.log(verdict === undefined ? `seen: ${mutant.name}` : `NOT SEEN: ${mutant.name} (${verdict})`);
}

/** Runs specs in the copy, or only their tests of a name. */
async function run(specs, test) {
  await rm(report, { force: true });
  const args = [
    '--json',
    `--outputFile=${report}`,
    '--silent',
    '--forceExit',
    '--testTimeout=8000',
    ...(test === undefined ? [] : ['-t', test]),
    '--runTestsByPath',
    ...specs,
  ];
  child = spawn(process.execPath, [join(root, 'node_modules/jest/bin/jest.js'), ...args], {
    cwd: copy,
    stdio: 'ignore',
    env: { ...process.env, NODE_OPTIONS: '--experimental-vm-modules --no-warnings' },
  });
  await new Promise((resolve) => child.once('close', resolve));
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, testResults } = JSON.parse(
    await readFile(report, 'utf8'),
  );
  const names = testResults.flatMap((file) =>
    file.assertionResults.filter((test) => test.status === 'failed').map((test) => test.fullName),
  );
  return { passed: numPassedTests, failed: numFailedTests, broken: numRuntimeErrorTestSuites, names };
}
