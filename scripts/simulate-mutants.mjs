/**
 * npm run simulate -- --mutants [--schedules=20000] [word …]
 *
 * Can the simulator see? Breaks the engine in one way at a time (those of test/mutants that are about concurrency and identity, and
 * those of test/simulation/mutants.mjs) and simulates it until an invariant breaks that the engine as it is keeps. The last line is
 * `N seen, N not`.
 */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mutants as all } from '../test/mutants/mutants.mjs';
import { planted, shared } from '../test/simulation/mutants.mjs';

const root = join(import.meta.dirname, '..');
const words = process.argv.slice(2).filter((each) => !each.startsWith('--'));
const most = process.argv.find((each) => each.startsWith('--schedules='))?.slice('--schedules='.length) ?? '20000';

const fromTests = shared.map((each) => (typeof each === 'string' ? { name: each } : each));
const unknown = fromTests.filter(({ name }) => !all.some((each) => each.name === name));
if (unknown.length > 0) throw new Error(`test/mutants has no: ${unknown.map(({ name }) => name).join('; ')}`);
const mutants = [
  ...fromTests.map((each) => ({ ...all.find(({ name }) => name === each.name), ...each })),
  ...planted,
].filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));

const folder = await mkdtemp(join(tmpdir(), 'keycard-planted-'));
/** What breaks without a mutant, by configuration. */
const baseline = new Map();
let seen = 0;
let missed = 0;
try {
  await cp(join(root, 'lib'), join(folder, 'lib'), { recursive: true });
  const configs = new Set([undefined, ...mutants.map(({ config }) => config)]);
  for (const config of configs) baseline.set(config, await brokenWithout(config));
  for (const mutant of mutants) {
    const started = performance.now();
    const verdict = await judge(mutant);
    if (verdict.seen) seen += 1;
    else missed += 1;
    console.log(
      `${verdict.seen ? 'seen' : 'NOT SEEN'}: ${mutant.name} (${verdict.why}, ${Math.round((performance.now() - started) / 1_000)} s)`,
    );
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
console.log(`${seen} seen, ${missed} not`);
process.exitCode = missed === 0 ? 0 : 1;

async function judge(mutant) {
  const originals = new Map();
  try {
    for (const { file, find, replace } of [mutant, ...(mutant.also ?? [])]) {
      const path = join(folder, file);
      const text = await readFile(path, 'utf8');
      if (!originals.has(path)) originals.set(path, text);
      const times = text.split(find).length - 1;
      if (times !== 1) return { seen: false, why: `stands in ${file} ${times} times: ${find}` };
      await writeFile(
        path,
        text.replace(find, () => replace),
      );
    }
    const { schedules, counts, broken } = await countsOf([
      `--seed=${mutant.from ?? 1}`,
      `--schedules=${most}`,
      '--bail',
      ...optionsOf(mutant.config),
      // What breaks without it says nothing.
      ...baseline.get(mutant.config).map((name) => `--except=${name}`),
    ]);
    if (broken) return { seen: true, why: 'the engine breaks as a whole' };
    const [name] = Object.keys(counts);
    const which = mutant.config === undefined ? '' : ` with ${mutant.config}`;
    if (name === undefined) return { seen: false, why: `${schedules} schedules${which}` };
    return { seen: true, why: `${name} after ${schedules} schedules${which}` };
  } finally {
    for (const [path, text] of originals) await writeFile(path, text);
  }
}

/** How often which invariant broke. */
async function countsOf(options) {
  const child = spawn(process.execPath, [
    join(root, 'scripts', 'simulate.mjs'),
    `--lib=${folder}`,
    '--no-shrink',
    ...options,
  ]);
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.resume();
  await new Promise((resolve) => child.once('close', resolve));
  const schedules = Number(/^(\d+) schedules/.exec(output)?.[1]);
  const counts = Object.fromEntries(
    [...output.matchAll(/^([a-z-]+): (\d+) of \d+/gm)].map(([, name, count]) => [name, Number(count)]),
  );
  return { schedules, counts, broken: Number.isNaN(schedules) };
}

/** The invariants that break without a mutant. */
async function brokenWithout(config) {
  const { counts, schedules } = await countsOf(['--seed=1', `--schedules=${most}`, ...optionsOf(config)]);
  const broken = Object.keys(counts);
  console.log(
    `as it is: ${broken.join(', ') || 'nothing'} breaks in ${schedules} schedules of ${config ?? 'all kinds'}`,
  );
  return broken;
}

function optionsOf(config) {
  return config === undefined ? [] : [`--config=${config}`];
}
