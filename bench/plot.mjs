/**
 * node bench/plot.mjs [results/latest.json]
 *
 * Draws docs/session-cost.svg: what sessions add to a bare route, the peer's and ours, in floors (the CPU time of that bare route).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { interval, median } from './statistics.mjs';

const root = join(import.meta.dirname, '..');
const result = JSON.parse(
  readFileSync(resolve(process.argv[2] ?? join(import.meta.dirname, 'results', 'latest.json')), 'utf8'),
);
const mongo = result.notes?.join().match(/FerretDB|mongo-java-server/)?.[0];
const LABELS = {
  memory: 'Memory',
  file: 'File',
  redis: 'Redis',
  postgres: 'PostgreSQL',
  mongo: mongo === undefined ? 'MongoDB' : `${mongo} (MongoDB)`,
};
const PEER = '#9aa5b1';
const OURS = '#1f6feb';
const [WIDTH, LEFT, RIGHT, BAR, ROW] = [760, 190, 70, 14, 46];

/** Session cost in floors: `(CPU time - bare) / bare`, round by round. */
function costOf(each, name) {
  const samplesOf = (wanted) => each.servers.find((server) => server.name === wanted).samplesUs;
  const [samples, bare] = [samplesOf(name), samplesOf('bare')];
  return interval(
    samples.length,
    (rounds) => median(rounds.map((n) => samples[n] - bare[n])) / median(rounds.map((n) => bare[n])),
  );
}

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

function panel(title, y) {
  const rows = result.groups.flatMap(({ store, cases }) => {
    const each = cases.find((one) => one.title === title);
    return each === undefined
      ? []
      : [{ label: LABELS[store], peer: costOf(each, 'express-session'), ours: costOf(each, 'keycard') }];
  });
  // Files cost the peer many times what all others do: bars are cut there, and the figure says how long they are.
  const others = rows.filter(({ label }) => label !== LABELS.file).flatMap(({ peer, ours }) => [peer.high, ours.high]);
  const most = Math.max(1, Math.ceil(Math.max(...others) * 2) / 2);
  const scale = (WIDTH - LEFT - RIGHT) / most;
  const bar = ({ value, low, high }, colour, top) => {
    const width = Math.max(1, Math.min(value, most) * scale);
    const whisker =
      value > most
        ? ''
        : `<path d="M${LEFT + Math.max(0, low) * scale} ${top + BAR / 2}H${LEFT + Math.min(high, most) * scale}" stroke="#24292f" stroke-width="1.2"/>`;
    const cut =
      value > most
        ? `<path d="M${LEFT + width - 34} ${top + BAR + 1}l6 -${BAR + 2}M${LEFT + width - 28} ${top + BAR + 1}l6 -${BAR + 2}" stroke="#ffffff" stroke-width="3"/>`
        : '';
    const end = LEFT + (value > most ? width : Math.max(width, Math.min(high, most) * scale)) + 6;
    return `<rect x="${LEFT}" y="${top}" width="${width.toFixed(1)}" height="${BAR}" fill="${colour}"/>${cut}${whisker}<text x="${end.toFixed(1)}" y="${top + 11}" font-size="12">${value.toFixed(2)}</text>`;
  };
  const lines = rows.map(({ label, peer, ours }, n) => {
    const top = y + 34 + n * ROW;
    return `<text x="${LEFT - 12}" y="${top + 18}" text-anchor="end" font-size="13">${escape(label)}</text>${bar(peer, PEER, top)}${bar(ours, OURS, top + BAR + 3)}`;
  });
  return {
    height: 34 + rows.length * ROW + 16,
    svg: `<text x="24" y="${y + 18}" font-size="15" font-weight="600">${escape(title)} of an existing session</text>${lines.join('\n')}`,
  };
}

const panels = [];
let y = 66;
for (const title of ['read', 'change']) {
  const one = panel(title, y);
  panels.push(one.svg);
  y += one.height;
}
const height = y + 42;
const legend = `<rect x="24" y="40" width="12" height="12" fill="${PEER}"/><text x="42" y="51" font-size="12">express-session, its store of that kind</text><rect x="290" y="40" width="12" height="12" fill="${OURS}"/><text x="308" y="51" font-size="12">nestjs-keycard</text>`;
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" fill="#24292f" role="img">
<title>CPU time that sessions add to a request, in times of a bare route</title>
<rect width="${WIDTH}" height="${height}" rx="8" fill="#ffffff"/>
<text x="24" y="26" font-size="16" font-weight="600">CPU time that sessions add to a request; 1 = all of a bare Nest request</text>
${legend}
${panels.join('\n')}
<text x="24" y="${height - 28}" font-size="11" fill="#57606a">express-session moves a session's end at every request (touch), nestjs-keycard at most once a minute.</text>
<text x="24" y="${height - 12}" font-size="11" fill="#57606a">Medians of ${result.rounds} interleaved rounds, lines: 95 % interval. ${result.takenAt.slice(0, 10)}, Node ${result.machine.node.slice(1)}, Nest 12 on Express 5. npm run bench</text>
</svg>
`;
writeFileSync(join(root, 'docs', 'session-cost.svg'), svg);
console.log('written to docs/session-cost.svg');
