/**
 * node bench/tables.mjs [results/latest.json results/scale.json]
 *
 * Writes the figures into docs/performance.md, between its marks.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { verdictOf } from './report.mjs';

const results = join(import.meta.dirname, 'results');
const page = join(import.meta.dirname, '..', 'docs', 'performance.md');
const [figuresFile = join(results, 'latest.json'), scaleFile = join(results, 'scale.json')] = process.argv.slice(2);
const read = (file) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined);
const table = (head, rows) =>
  [`| ${head.join(' | ')} |`, `|${' --- |'.repeat(head.length)}`, ...rows.map((row) => `| ${row.join(' | ')} |`)].join(
    '\n',
  );
const loads = (load) => load.map((each) => each.toFixed(1)).join(', ');
const circumstances = ({ takenAt, machine }) =>
  `Taken ${takenAt.slice(0, 16).replace('T', ' ')} UTC, Node ${machine.node}, ${machine.cores} cores${machine.loadBefore ? `; load average ${loads(machine.loadBefore)} at the start and ${loads(machine.loadAfter)} at the end` : ''}.`;

function figures(result) {
  const busy =
    result.machine.loadAfter[0] > 2 * result.machine.cores || result.machine.loadBefore[0] > 2 * result.machine.cores;
  const all = result.groups.flatMap(({ store, cases }) =>
    cases.flatMap((each) => each.ratios.map((ratio) => ({ store, title: each.title, ...ratio }))),
  );
  const ratios = all.map(({ store, title, what, ours, peer, value, low, high, most, least }) => [
    store,
    title,
    what === 'session cost' ? `${ours} / ${peer}` : `CPU time as a whole: ${ours} / ${peer}`,
    value.toFixed(2),
    `${low.toFixed(2)} to ${high.toFixed(2)}`,
    most !== undefined ? `at most ${most}` : least !== undefined ? `at least ${least}` : '',
    verdictOf({ value, low, high, most, least }),
  ]);
  const servers = result.groups.flatMap(({ store, cases }) =>
    cases.flatMap(({ title, servers: each }) =>
      each.map(({ name, cpuUs, floors, requestsPerSecond, p50Ms, p99Ms, busy: loop }) => [
        store,
        title,
        name,
        cpuUs.value,
        `${cpuUs.low} to ${cpuUs.high}`,
        floors.toFixed(2),
        requestsPerSecond,
        p50Ms,
        p99Ms,
        loop,
      ]),
    ),
  );
  return [
    `${circumstances(result)} ${result.rounds} rounds${result.quick ? ', short ones (`--quick`)' : ''}, ${result.seconds} s.`,
    ...(busy
      ? [
          '**The machine was busy with other work meanwhile**, several times over: read the intervals, not the digits, and run it yourself. A ratio whose interval lies on both sides of its budget says nothing of that budget.',
        ]
      : []),
    ...result.notes.map((note) => `Note: ${note.split('\n')[0]}.`),
    table(['store', 'case', 'ratio of session costs', 'value', '95 %', 'budget', ''], ratios),
    '<details><summary>Each server</summary>',
    table(
      ['store', 'case', 'server', 'CPU µs a request', '95 %', 'floors', 'requests/s', 'p50 ms', 'p99 ms', 'loop busy'],
      servers,
    ),
    '</details>',
  ].join('\n\n');
}

/** What most readers came for: three cases on three stores. */
function nine(result) {
  const valueOf = (store, title) => {
    const cases = result.groups.find((group) => group.store === store)?.cases ?? [];
    const ratios = cases.find((each) => each.title === title)?.ratios ?? [];
    return ratios.find(({ ours, peer }) => ours === 'keycard' && peer === 'express-session')?.value.toFixed(2) ?? '–';
  };
  const row = (store, name) => [name, valueOf(store, 'read'), valueOf(store, 'change'), valueOf(store, 'login')];
  return [
    table(
      ['session cost, express-session = 1', 'read a session', 'change it', 'log in'],
      [row('memory', 'in memory'), row('redis', 'Redis'), row('postgres', 'PostgreSQL')],
    ),
    circumstances(result),
  ].join('\n\n');
}

function scale(result) {
  const parts = [circumstances(result)];
  if (result.memory) {
    parts.push(
      '`MemoryStore`, sessions of 400 bytes of data (661 with cookie and metadata), each of a principal of its own. Bytes are those of the heap over the JSON, id and principal included; times are of single calls, in batches of 100.',
      table(
        [
          'sessions',
          'bytes over the JSON',
          'read, µs (median)',
          'over that of the smallest',
          'read and write, µs (median)',
        ],
        result.memory.map((each) => [
          each.count.toLocaleString('en'),
          each.overJson,
          each.readUs.p50,
          `+${(each.readUs.p50 - result.memory[0].readUs.p50).toFixed(2)} µs`,
          each.readAndWriteUs.p50,
        ]),
      ),
    );
  }
  if (result.expiry) {
    const { expired, goneAfterMs, longestPauseCpuMs, longestPauseMs } = result.expiry;
    parts.push(
      `${expired.toLocaleString('en')} sessions that end at one moment, beside as many that stay: gone after ${(goneAfterMs / 1_000).toFixed(0)} s without anybody reading them; the longest turn of the event loop took ${longestPauseCpuMs} ms of CPU time (${longestPauseMs} ms by the clock, with what other processes took of the core).`,
    );
  }
  const rows = [];
  const add = (store, what, { result: found, ms, loadsMeanwhileMs, longestPauseMs, longestPauseCpuMs }) =>
    rows.push([
      store,
      what,
      found.toLocaleString('en'),
      ms,
      loadsMeanwhileMs.p50,
      loadsMeanwhileMs.p99,
      longestPauseCpuMs ?? '',
      longestPauseMs,
    ]);
  if (result.files) {
    const name = `file, ${result.files.count.toLocaleString('en')}`;
    add(name, 'list of one principal', result.files.listByPrincipal);
    add(name, 'prune', result.files.prune);
  }
  for (const store of ['redis', 'postgres']) {
    const each = result[store];
    if (each === undefined) continue;
    const name = `${store}, ${each.count.toLocaleString('en')}`;
    add(name, 'list of one principal', each.listByPrincipal);
    add(name, 'list of the first 1,000', each.listOf1000);
    add(name, 'count of all', each.countAll);
    if (each.prune) add(name, 'prune', each.prune);
  }
  const loadRows = ['files', 'redis', 'postgres']
    .filter((store) => result[store])
    .map((store) => [
      store,
      result[store].count.toLocaleString('en'),
      result[store].loadMsWith1000.p50,
      result[store].loadMs.p50,
      result[store].loadMsWith1000.p99,
      result[store].loadMs.p99,
    ]);
  if (loadRows.length > 0)
    parts.push(
      'A read, one after the other, with 1,000 sessions and with all:',
      table(['store', 'sessions', 'p50 ms, 1,000', 'p50 ms, all', 'p99 ms, 1,000', 'p99 ms, all'], loadRows),
    );
  if (rows.length > 0)
    parts.push(
      'Lists and prunes, and what a read every 2 ms had to wait meanwhile:',
      table(
        [
          'store and sessions',
          'work',
          'sessions',
          'took ms',
          'read p50 ms',
          'read p99 ms',
          'longest turn, CPU ms',
          'by the clock, ms',
        ],
        rows,
      ),
    );
  if (result.note) parts.push(result.note);
  return parts.join('\n\n');
}

let text = readFileSync(page, 'utf8');
for (const [mark, file, make] of [
  ['nine', figuresFile, nine],
  ['figures', figuresFile, figures],
  ['scale', scaleFile, scale],
]) {
  const result = read(file);
  if (result === undefined) continue;
  const pattern = new RegExp(`<!-- ${mark} -->[^]*<!-- /${mark} -->`);
  if (!pattern.test(text)) throw new Error(`docs/performance.md has no marks "${mark}".`);
  text = text.replace(pattern, () => `<!-- ${mark} -->\n\n${make(result)}\n\n<!-- /${mark} -->`);
}
writeFileSync(page, text);
console.log('written to docs/performance.md');
