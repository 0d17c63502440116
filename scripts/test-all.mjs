/**
 * npm run test:all [-- --servers=redis,postgres --results=file.json …arguments for Jest]
 *
 * Provides the servers that tests need (test/support/servers/provision.mjs), runs every test, then the checks below,
 * and ends what it started, whatever happens. What could not be provided is named; what `KEYCARD_REQUIRE` names and
 * could not be provided is a failure. The last line is `N passed, N failed`.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { requiredServers, serverNames } from '../test/support/servers/catalog.mjs';
import { provision } from '../test/support/servers/provision.mjs';
import { summarize } from './test-summary.mjs';

/**
 * Scripts in this folder that run after the tests of a whole run (one without arguments for Jest), each with the path of Jest's JSON report as its argument and the
 * servers in its environment. Exit code 0 counts as one passed, any other as one failed.
 */
const checks = ['check-parity.mjs', 'check-security-table.mjs', 'check-docs.mjs', 'check-pack.mjs'];

const root = join(import.meta.dirname, '..');
const OWN_OPTION = /^--(servers|results)=(.+)$/;
const given = process.argv.slice(2);
const options = Object.fromEntries(
  given.map((argument) => OWN_OPTION.exec(argument)).flatMap((match) => (match ? [[match[1], match[2]]] : [])),
);
const jestArguments = given.filter((argument) => !OWN_OPTION.test(argument));
const results = resolve(root, options.results ?? 'artifacts/test-results.json');

const isWhole = jestArguments.length === 0;
/** Most tests wait for something, so there is one worker more than cores. What measures time or load has the machine to itself. */
const WHOLE_RUN = [
  ['--selectProjects', 'quick', 'full', `--maxWorkers=${availableParallelism() + 1}`],
  ['--selectProjects', 'alone', '--runInBand'],
];

let current; // the child that is at work
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
]) {
  process.once(signal, () => {
    current?.kill('SIGTERM');
    process.exit(128 + number); // on 'exit', whatever server still runs is ended
  });
}

const required = requiredServers();
const names = options.servers ? requiredServers(options.servers) : serverNames;
const startedAt = performance.now();
const servers = await provision({ names });
let outcome;
try {
  report(servers);
  outcome = await runEverything(servers);
} finally {
  await servers.stop();
}
const { passed, failed } = outcome;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function report({ provided, missing }) {
  for (const { name, how } of provided) console.log(`provided ${name}: ${how}`);
  for (const { name, reason } of missing) {
    console.log(`${required.includes(name) ? 'MISSING, and required' : 'SKIPPED'} ${name}: ${reason}`);
  }
  console.log(`servers took ${Math.round((performance.now() - startedAt) / 100) / 10} s\n`);
}

async function runEverything({ env, missing }) {
  const childEnv = { ...process.env, ...env, KEYCARD_FULL_RUN: '1' };
  mkdirSync(dirname(results), { recursive: true });
  const runs = [];
  for (const selected of isWhole ? WHOLE_RUN : [jestArguments]) runs.push(await runJest(selected, childEnv));
  const testResults = runs.flatMap(({ report }) => report?.testResults ?? []);
  writeFileSync(results, JSON.stringify({ testResults }));
  const lacking = required.filter((name) => missing.some((one) => one.name === name));
  for (const name of lacking) console.log(`FAILED: KEYCARD_REQUIRE names ${name}, which could not be provided`);
  let passed = runs.reduce((sum, run) => sum + run.passed, 0);
  let failed = runs.reduce((sum, run) => sum + run.failed, lacking.length);
  // What they look for is in a whole run alone.
  for (const check of isWhole ? checks : []) {
    const code = await run([join(import.meta.dirname, check), results], childEnv);
    console.log(`${code === 0 ? 'passed' : 'FAILED'}: ${check}`);
    if (code === 0) passed += 1;
    else failed += 1;
  }
  return { passed, failed };
}

/** One run of Jest: what passed and failed, and its report, if it wrote one. */
async function runJest(selected, env) {
  rmSync(results, { force: true });
  // --forceExit: a failed test that left a connection open must not keep the run from ending
  const jest = [join(root, 'node_modules/jest/bin/jest.js'), '--json', `--outputFile=${results}`, '--forceExit'];
  const code = await run([...jest, ...selected], {
    ...env,
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --experimental-vm-modules --no-warnings`.trim(),
  });
  const report = existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')) : undefined;
  return { ...summarize(results, code), report };
}

function run(args, env) {
  return new Promise((resolveRun, reject) => {
    current = spawn(process.execPath, args, { cwd: root, env, stdio: 'inherit' });
    current.once('error', reject);
    current.once('close', (code) => {
      current = undefined;
      resolveRun(code ?? 1);
    });
  });
}
