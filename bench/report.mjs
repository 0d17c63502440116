/** The tables that a person reads. */

const pad = (text, width) => String(text).padEnd(width);
const left = (text, width) => String(text).padStart(width);
const budgetOf = ({ most, least }) => (most !== undefined ? `<= ${most}` : least !== undefined ? `>= ${least}` : '');

/** Whether a ratio is within its budget; where the interval lies on both sides, the figure can't tell. */
export function verdictOf({ value, low, high, most, least }) {
  if (most === undefined && least === undefined) return '';
  const met = most !== undefined ? value <= most : value >= least;
  const sure = most !== undefined ? (met ? high <= most : low > most) : met ? low >= least : high < least;
  return `${met ? 'met' : 'MISSED'}${sure ? '' : ' (interval on both sides)'}`;
}

export function printGroup({ store, peerStore, cases }) {
  console.log(`\n${store} (peer: express-session with ${peerStore})`);
  for (const { title, servers, ratios } of cases) {
    console.log(
      `\n  ${pad(title, 34)}${left('CPU µs/req', 12)}${left('95 %', 16)}${left('floors', 8)}${left('req/s', 8)}${left('p50 ms', 8)}${left('p99 ms', 8)}${left('busy', 6)}`,
    );
    for (const { name, cpuUs, floors, requestsPerSecond, p50Ms, p99Ms, busy } of servers) {
      console.log(
        `    ${pad(name, 32)}${left(cpuUs.value, 12)}${left(`${cpuUs.low}-${cpuUs.high}`, 16)}${left(floors.toFixed(2), 8)}${left(requestsPerSecond, 8)}${left(p50Ms, 8)}${left(p99Ms, 8)}${left(busy, 6)}`,
      );
    }
    for (const each of ratios) {
      console.log(
        `    ${each.what}: ${each.ours} / ${each.peer} = ${each.value} (${each.low} to ${each.high}) ${budgetOf(each)} ${verdictOf(each)}`,
      );
    }
  }
}

export function printVerdict({ groups, rounds, seconds, notes, machine }) {
  const all = groups.flatMap(({ store, cases }) =>
    cases.flatMap(({ title, ratios }) => ratios.map((each) => ({ store, title, ...each }))),
  );
  const judged = all.filter((each) => verdictOf(each) !== '');
  console.log(
    `\n${pad('store', 10)}${pad('case', 24)}${pad('ratio', 62)}${left('value', 8)}${left('95 %', 18)}  budget`,
  );
  for (const each of judged) {
    console.log(
      `${pad(each.store, 10)}${pad(each.title, 24)}${pad(`${each.what} ${each.ours} / ${each.peer}`, 62)}${left(each.value, 8)}${left(`${each.low} to ${each.high}`, 18)}  ${budgetOf(each)} ${verdictOf(each)}`,
    );
  }
  const idle = groups.flatMap(({ store, cases }) =>
    cases.flatMap(({ title, servers }) =>
      servers.filter(({ busy }) => busy < 0.9).map(({ name, busy }) => `${store}, ${title}, ${name} (${busy})`),
    ),
  );
  if (idle.length > 0) console.log(`\nevent loop under 90 % busy, so CPU time holds wake-ups: ${idle.join('; ')}`);
  for (const note of notes) console.log(note);
  console.log(
    `\n${judged.filter((each) => verdictOf(each).startsWith('met')).length} of ${judged.length} budgets met; ${rounds} rounds, ${seconds} s; load average ${machine.loadBefore.map((load) => load.toFixed(1)).join(' ')}, then ${machine.loadAfter.map((load) => load.toFixed(1)).join(' ')}`,
  );
}
