/**
 * npm run bench:scale [-- --quick --parts=memory,files,redis,postgres --lib=dist/esm]
 *
 * Many sessions. Writes bench/results/scale.json (`--quick`: bench/results/scale-quick.json).
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { provision } from '../../test/support/servers/provision.mjs';
import { buildLibrary } from '../library.mjs';
import { Child } from '../child.mjs';

const { values: given } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    parts: { type: 'string' },
    lib: { type: 'string' },
    out: { type: 'string' },
  },
});
const { quick } = given;
const wants = (part) => given.parts === undefined || given.parts.split(',').includes(part);
const library = given.lib === undefined ? buildLibrary() : resolve(given.lib);
const machine = { cores: cpus().length, model: cpus()[0]?.model, node: process.version, loadBefore: loadavg() };
const result = { takenAt: new Date().toISOString(), quick, machine };
const names = ['redis', 'postgres'].filter(wants);
const servers = await provision({ names, install: false });

async function inChild(script, name, argument) {
  const child = new Child(join(import.meta.dirname, script), {
    execArgv: ['--expose-gc', '--max-old-space-size=6000'],
  });
  try {
    const found = await child.ask(name, { library, ...argument });
    console.log(script, name, JSON.stringify(found));
    return found;
  } finally {
    await child.end();
  }
}

try {
  if (wants('memory')) {
    result.memory = [];
    for (const count of [1_000, 10_000, 100_000, 1_000_000])
      result.memory.push(await inChild('memory.mjs', 'measure', { count }));
    result.expiry = await inChild('memory.mjs', 'expire', { sweepInterval: quick ? 3_000 : 30_000 });
  }
  if (wants('files')) result.files = await inChild('files.mjs', 'measure', { count: quick ? 20_000 : 200_000 });
  for (const { name, url } of servers.provided) {
    result[name] = await inChild('databases.mjs', 'measure', { store: name, url, count: quick ? 100_000 : 1_000_000 });
  }
  for (const { name, reason } of servers.missing) console.log(`${name} is left out: ${reason}`);
} finally {
  await servers.stop();
  if (given.lib === undefined) rmSync(library, { recursive: true, force: true });
}
result.machine.loadAfter = loadavg();
const out = resolve(
  import.meta.dirname,
  '..',
  '..',
  given.out ?? `bench/results/${quick || given.parts ? 'scale-quick' : 'scale'}.json`,
);
mkdirSync(dirname(out), { recursive: true });
writeFileSync(out, `${JSON.stringify(result, null, 1)}\n`);
console.log(`written to ${out}`);
