/**
 * npm run bench [-- --quick --stores=memory,redis --rounds=7 '--case=read;change' --out=file.json --profile=folder --lib=dist/esm]
 *
 * Peers and ours side by side, as Nest apps in processes of their own: CPU time a request, with that of a bare route as the floor.
 * Writes bench/results/latest.json (`--quick`: bench/results/quick.json), from which `node bench/plot.mjs` draws docs/*.svg.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { provision } from '../test/support/servers/provision.mjs';
import { groups } from './cases.mjs';
import { Child } from './child.mjs';
import { buildLibrary } from './library.mjs';
import { Measurement } from './measure.mjs';
import { printGroup, printVerdict } from './report.mjs';
import { evaluate } from './evaluate.mjs';

const root = join(import.meta.dirname, '..');
const { values: given } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    stores: { type: 'string' },
    case: { type: 'string' },
    rounds: { type: 'string' },
    out: { type: 'string' },
    profile: { type: 'string' },
    lib: { type: 'string' },
  },
});
const { quick } = given;
const rounds = Number(given.rounds ?? (quick ? 7 : 11));
const chunkMs = quick ? 70 : 250;
/** Requests until V8 has compiled what is hot: of a server's first case, and of each further one. */
const warmUp = quick ? [12_000, 2_000] : [30_000, 5_000];
/** However slow it is, in ms. */
const slowest = quick ? 2_500 : 8_000;
const chosen = groups.filter(({ store }) => given.stores === undefined || given.stores.split(',').includes(store));

/**
 * All rounds of one case, one after the other: a server that stands idle for some seconds loses compiled code to V8's memory reducer, and is
 * slow for a while when its turn comes.
 */
async function measureCase(measurement, each, warm, store) {
  const chunks = {};
  const samples = Object.fromEntries(each.servers.map((name) => [name, []]));
  for (const name of each.servers) {
    await measurement.prepare(each, name);
    const first = await measurement.run(each, name, 200);
    const most = Math.round((first.rate * slowest) / 1_000);
    const { rate } = await measurement.run(each, name, Math.max(200, Math.min(most, warmUp[warm.has(name) ? 1 : 0])));
    warm.add(name);
    chunks[name] = Math.max(100, Math.round((rate * chunkMs) / 1_000));
  }
  const profiled = given.profile === undefined ? [] : each.servers;
  await measurement.tell(profiled, 'profile');
  for (let round = 0; round < rounds; round++) {
    // Each round begins with another one, and the one before is never the same for long.
    const names = each.servers.map(
      (_, n) => each.servers[(n * (round % 2 === 0 ? 1 : each.servers.length - 1) + round) % each.servers.length],
    );
    for (const name of names) samples[name].push(await measurement.run(each, name, chunks[name]));
  }
  if (given.profile !== undefined) mkdirSync(resolve(given.profile), { recursive: true });
  await measurement.tell(profiled, 'writeProfile', (name) =>
    join(resolve(given.profile), `${store} ${each.title} ${name}.cpuprofile`.replaceAll('/', '-')),
  );
  for (const name of each.servers) await measurement.check(each, name);
  return samples;
}

async function measureGroup(group, library, url) {
  const folder = mkdtempSync(join(tmpdir(), 'keycard-bench-'));
  const load = new Child(join(import.meta.dirname, 'load.mjs'));
  const measurement = new Measurement(group, load);
  const cases = group.cases.filter(
    (each) => !(quick && each.fullOnly) && (given.case === undefined || given.case.split(';').includes(each.title)),
  );
  const warm = new Set();
  const results = [];
  try {
    await measurement.start({ library, url, folder });
    for (const each of cases) results.push(evaluate(each, await measureCase(measurement, each, warm, group.store)));
  } finally {
    await Promise.all([measurement.stop(), load.end()]);
    rmSync(folder, { recursive: true, force: true });
  }
  return { store: group.store, peerStore: group.peerStore, cases: results };
}

/** What there is so far: a run that is broken off loses the store that it was at. */
function write() {
  const result = {
    takenAt: new Date().toISOString(),
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim(),
    quick,
    rounds,
    seconds: Math.round((performance.now() - startedAt) / 1_000),
    machine: { ...machine, loadAfter: loadavg() },
    notes,
    groups: measured,
  };
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, `${JSON.stringify(result, null, 1)}\n`);
  return result;
}

const startedAt = performance.now();
const out = resolve(
  root,
  given.out ?? `bench/results/${quick || given.stores || given.case ? 'quick' : 'latest'}.json`,
);
const machine = { cores: cpus().length, model: cpus()[0]?.model, node: process.version, loadBefore: loadavg() };
const library = given.lib === undefined ? buildLibrary() : resolve(given.lib);
const servers = await provision({
  names: ['redis', 'postgres', 'mongo'].filter((name) => chosen.some(({ store }) => store === name)),
  install: false,
});
const notes = servers.missing.map(({ name, reason }) => `${name} is left out: ${reason}`);
const measured = [];
try {
  for (const group of chosen) {
    const server = servers.provided.find(({ name }) => name === group.store);
    if (['redis', 'postgres', 'mongo'].includes(group.store) && server === undefined) continue;
    if (group.store === 'mongo' && /mongo-java/.test(server.how))
      notes.push('mongo is mongo-java-server: what the server does is not what mongod does, and it shares the cores');
    try {
      const result = await measureGroup(group, library, server?.url);
      measured.push(result);
      printGroup(result);
      write();
    } catch (error) {
      // What the other stores show is not lost with it.
      notes.push(`FAILED: ${group.store}: ${error.stack}`);
      process.exitCode = 1;
    }
  }
} finally {
  await servers.stop();
  if (given.lib === undefined) rmSync(library, { recursive: true, force: true });
}
printVerdict(write());
console.log(`written to ${out}`);
