/**
 * node bench/profile.mjs file.cpuprofile [rows]
 *
 * Where the time of a profile went, by function, without what was called from it. `npm run bench -- --quick --stores=redis --case=read
 * --profile=artifacts/profiles` writes one for each server.
 */
import { readFileSync } from 'node:fs';

const [file, rows = '40'] = process.argv.slice(2);
const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8'));
const byId = new Map(nodes.map((node) => [node.id, node]));
const own = new Map();
let total = 0;
samples.forEach((id, n) => {
  const { functionName, url, lineNumber } = byId.get(id).callFrame;
  if (functionName === '(idle)') return;
  const place =
    url === '' ? '' : `${url.replace(/^.*\/(node_modules|bench-lib-\d+|dist\/esm|bench)\//, '')}:${lineNumber + 1}`;
  const name = `${functionName || '(anonymous)'} ${place}`;
  own.set(name, (own.get(name) ?? 0) + timeDeltas[n]);
  total += timeDeltas[n];
});
for (const [name, time] of [...own].sort((a, b) => b[1] - a[1]).slice(0, Number(rows))) {
  console.log(`${((100 * time) / total).toFixed(1).padStart(6)} %  ${name}`);
}
