/**
 * npm run simulate -- --mutants [--schedules=20000] [word …]
 *
 * Can the simulator see? Breaks the engine in one way at a time (those of test/mutants that are about concurrency and identity, and
 * those of test/simulation/mutants.mjs) and simulates it until an invariant breaks that the engine as it is keeps, or breaks far more often
 * than there. The last line is `N seen, N not`.
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

const unknown = shared.filter((name) => !all.some((each) => each.name === name));
if (unknown.length > 0) throw new Error(`test/mutants has no: ${unknown.join('; ')}`);
const mutants = [...all.filter(({ name }) => shared.includes(name)), ...planted].filter(
  ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
);

const folder = await mkdtemp(join(tmpdir(), 'keycard-planted-'));
let seen = 0;
let missed = 0;
try {
  await cp(join(root, 'lib'), join(folder, 'lib'), { recursive: true });
  const baseline = await countsOf(['--seed=1', `--schedules=${most}`]);
  console.log(`as it is: ${describe(baseline.counts) || 'nothing breaks'} in ${baseline.schedules} schedules`);
  for (const mutant of mutants) {
    const started = performance.now();
    const verdict = await judge(mutant, baseline);
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

async function judge(mutant, baseline) {
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
    const kept = Object.keys(baseline.counts).map((name) => `--except=${name}`);
    // First what never breaks without the mutant, which ends at the first failure.
    const first = await countsOf(['--seed=1', `--schedules=${most}`, '--bail', ...kept]);
    if (first.broken) return { seen: true, why: 'the engine breaks as a whole' };
    const [name] = Object.keys(first.counts);
    if (name !== undefined) return { seen: true, why: `${name} after ${first.schedules} schedules` };
    if (kept.length === 0) return { seen: false, why: `${first.schedules} schedules` };
    const second = await countsOf(['--seed=1', `--schedules=${most}`]);
    const more = Object.entries(second.counts).filter(([each, count]) => count > 2 * baseline.counts[each] + 8);
    if (more.length > 0)
      return {
        seen: true,
        why: more.map(([each, count]) => `${each} ${count} times, not ${baseline.counts[each]}`).join(', '),
      };
    return { seen: false, why: `${second.schedules} schedules` };
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

function describe(counts) {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}
