/** node bench/tables.mjs [results/latest.json]: the tables of docs/performance.md, as Markdown. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { verdictOf } from './report.mjs';

const result = JSON.parse(readFileSync(resolve(process.argv[2] ?? join(import.meta.dirname, 'results', 'latest.json')), 'utf8'));

console.log('| store | case | ours / peer | session cost | 95 % | budget | |\n| --- | --- | --- | --- | --- | --- | --- |');
for (const { store, cases } of result.groups) {
  for (const { title, ratios } of cases) {
    for (const { what, ours, peer, value, low, high, ...each } of ratios) {
      const budget = each.most !== undefined ? `at most ${each.most}` : each.least !== undefined ? `at least ${each.least}` : '';
      const names = what === 'session cost' ? `${ours} / ${peer}` : `CPU time, all of it: ${ours} / ${peer}`;
      console.log(`| ${store} | ${title} | ${names} | ${value} | ${low} to ${high} | ${budget} | ${verdictOf({ value, low, high, ...each })} |`);
    }
  }
}
console.log('\n| store | case | server | CPU µs a request | 95 % | floors | requests/s | p50 ms | p99 ms | loop busy |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |');
for (const { store, cases } of result.groups) {
  for (const { title, servers } of cases) {
    for (const { name, cpuUs, floors, requestsPerSecond, p50Ms, p99Ms, busy } of servers) {
      console.log(`| ${store} | ${title} | ${name} | ${cpuUs.value} | ${cpuUs.low} to ${cpuUs.high} | ${floors} | ${requestsPerSecond} | ${p50Ms} | ${p99Ms} | ${busy} |`);
    }
  }
}
