/**
 * node scripts/check-parity.mjs [artifacts/test-results.json]
 *
 * Every row of docs/express-session-parity.md names a test, by its full name in Jest's report. Each has to exist there, once, and to have
 * run and passed. Rows that name the same test twice are a mistake in the table.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv, exit } from 'node:process';
import { fileURLToPath } from 'node:url';

const root = join(import.meta.dirname, '..');

/** The rows of all tables: `{ item, test }`. */
export function rowsOf(markdown) {
  return markdown
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\| *-+/.test(line))
    .map((line) => line.slice(1, line.lastIndexOf('|')).split(' | '))
    .map(([item, test]) => ({ item: item.trim(), test: (test ?? '').trim() }))
    .filter(({ test }) => test !== 'test');
}

/** What is wrong, in sentences; none where every row's test passed. */
export function faultsOf(rows, report) {
  const statuses = new Map();
  for (const { assertionResults } of report.testResults) {
    for (const { fullName, status } of assertionResults)
      statuses.set(fullName, [...(statuses.get(fullName) ?? []), status]);
  }
  const faults = [];
  if (rows.length === 0) faults.push('The table has no rows.');
  for (const { item, test } of rows) {
    const found = statuses.get(test) ?? [];
    if (test === '') faults.push(`${item} names no test.`);
    else if (found.length === 0) faults.push(`${item}: there is no test "${test}".`);
    else if (found.length > 1) faults.push(`${item}: there are ${found.length} tests "${test}".`);
    else if (found[0] !== 'passed') faults.push(`${item}: "${test}" is ${found[0]}.`);
  }
  const named = rows.map(({ test }) => test);
  for (const test of new Set(named.filter((each, at) => each !== '' && named.indexOf(each) !== at)))
    faults.push(`"${test}" is named twice.`);
  return faults;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const rows = rowsOf(readFileSync(join(root, 'docs/express-session-parity.md'), 'utf8'));
  const report = JSON.parse(readFileSync(argv[2] ?? join(root, 'artifacts/test-results.json'), 'utf8'));
  const faults = faultsOf(rows, report);
  for (const fault of faults) console.log(fault);
  console.log(`${rows.length} rows of express-session's surface, ${faults.length} without a test that passed`);
  exit(faults.length === 0 ? 0 : 1);
}
