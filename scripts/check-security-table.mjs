/**
 * node scripts/check-security-table.mjs [artifacts/test-results.json]
 *
 * Every row of the tables in docs/security.md names the tests that show it, by their full names in Jest's report, each between backticks.
 * Each has to exist there and to have run and passed: one that begins with `every store:` on all six kinds of store. A store whose server
 * the run could do without (see KEYCARD_REQUIRE) and didn't have is named, and not a fault.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv, exit } from 'node:process';
import { fileURLToPath } from 'node:url';

const root = join(import.meta.dirname, '..');
const EVERY = 'every store: ';
export const STORES = ['memory', 'file', 'redis', 'redis-cluster', 'postgres', 'mongo'];

/** The rows of all tables that have a column "shown by": `{ requirement, tests }`. */
export function rowsOf(markdown) {
  const rows = [];
  let column = -1;
  for (const line of markdown.split('\n')) {
    if (!line.startsWith('|')) {
      column = -1;
      continue;
    }
    const cells = line
      .slice(1, line.lastIndexOf('|'))
      .split('|')
      .map((cell) => cell.trim());
    if (cells.includes('shown by')) column = cells.indexOf('shown by');
    else if (column !== -1 && !/^:?-+:?$/.test(cells[0])) {
      rows.push({
        requirement: cells[0],
        tests: [...(cells[column] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name),
        leftToApp: cells[column + 1] ?? '',
      });
    }
  }
  return rows;
}

/** Stores that the run was without. */
export function missingStores(report) {
  const names = report.testResults.flatMap(({ assertionResults }) => assertionResults.map(({ fullName }) => fullName));
  return STORES.filter((store) => names.some((name) => name.startsWith(`on ${store} [skipped: `)));
}

/** What is wrong, in sentences; none where every named test passed. */
export function faultsOf(rows, report) {
  const statuses = new Map();
  for (const { assertionResults } of report.testResults) {
    for (const { fullName, status } of assertionResults)
      statuses.set(fullName, [...(statuses.get(fullName) ?? []), status]);
  }
  const missing = missingStores(report);
  const faults = [];
  if (rows.length === 0) faults.push('The table has no rows.');
  for (const { requirement, tests, leftToApp } of rows) {
    // What a session library has no part in has no test, and says whose it is.
    if (tests.length === 0 && leftToApp === '') faults.push(`${requirement} names no test, and is left to nobody.`);
    for (const test of tests) {
      const stores = STORES.filter((store) => !missing.includes(store));
      const names = test.startsWith(EVERY) ? stores.map((store) => `on ${store} ${test.slice(EVERY.length)}`) : [test];
      for (const name of names) {
        const found = statuses.get(name) ?? [];
        if (found.length === 0) faults.push(`${requirement}: there is no test "${name}".`);
        else if (found.some((status) => status !== 'passed'))
          faults.push(`${requirement}: "${name}" is ${found.join(', ')}.`);
      }
    }
  }
  return faults;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const rows = rowsOf(readFileSync(join(root, 'docs/security.md'), 'utf8'));
  const report = JSON.parse(readFileSync(argv[2] ?? join(root, 'artifacts/test-results.json'), 'utf8'));
  const faults = faultsOf(rows, report);
  for (const store of missingStores(report)) console.log(`not shown on ${store}: this run was without it`);
  for (const fault of faults) console.log(fault);
  console.log(`${rows.length} requirements of docs/security.md, ${faults.length} without a test that passed`);
  exit(faults.length === 0 ? 0 : 1);
}
