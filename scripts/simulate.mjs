/**
 * npm run simulate -- [--seed=1] [--schedules=20000] [--minutes=10 | --seconds=60] [--config=apart,reject,kills] [--lib=PATH]
 *                     [--invariants=ended-lives,…] [--except=ghost] [--trace] [--no-shrink] [--bail] [--mutants]
 *
 * Runs the engine on a simulated store, clock and network, and holds what it does against the invariants of
 * docs/simulation.md. A seed gives the same run each time. `--lib` names another checkout whose engine is to be simulated.
 */
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compileFolder } from '../test/support/compile-folder.mjs';

const root = join(import.meta.dirname, '..');

function valueOf(name) {
  const given = process.argv.find((each) => each.startsWith(`--${name}=`));
  return given === undefined ? undefined : given.slice(name.length + 3);
}
const listOf = (name) => (valueOf(name) ?? '').split(',').filter(Boolean);
const has = (name) => process.argv.includes(`--${name}`);

if (has('mutants')) {
  await import('./simulate-mutants.mjs');
  process.exit();
}

const folder = await mkdtemp(join(tmpdir(), 'keycard-simulate-'));
try {
  await writeFile(join(folder, 'package.json'), '{"type":"module"}\n');
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await compileFolder(join(root, 'test', 'simulation'), join(folder, 'test', 'simulation'));
  await compileFolder(join(valueOf('lib') ?? root, 'lib'), join(folder, 'lib'));
  const { simulate } = await import(pathToFileURL(join(folder, 'test', 'simulation', 'main.js')).href);
  const minutes = valueOf('minutes');
  const isTimed = minutes !== undefined || valueOf('seconds') !== undefined;
  const { failed } = await simulate({
    lib: join(folder, 'lib'),
    seed: Number(valueOf('seed') ?? 1),
    schedules: Number(valueOf('schedules') ?? (isTimed ? Infinity : 20_000)),
    seconds: isTimed ? Number(valueOf('seconds') ?? Number(minutes) * 60) : Infinity,
    config: listOf('config'),
    invariants: listOf('invariants'),
    except: process.argv.filter((each) => each.startsWith('--except=')).map((each) => each.slice('--except='.length)),
    trace: has('trace'),
    shrinks: !has('no-shrink'),
    bail: has('bail'),
  });
  process.exitCode = failed === 0 ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
