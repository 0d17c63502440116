import { describe, expect, it } from '@jest/globals';
import { faultsOf, missingStores, rowsOf, STORES } from '../../../scripts/check-security-table.mjs';

const table = [
  '| option | meaning |', '| --- | --- |', '| `other` | `no test` |', '',
  '| requirement | how it is met | shown by | left to the app |', '| --- | --- | --- | --- |',
  '| ids | 192 bits | `an id is random` | |', '| logout | ended | `every store: login ends`<br>`it clears` | a button |', '| TLS | | | TLS |', '',
].join('\n'); // prettier-ignore
const report = (...results: [string, string][]) => ({
  testResults: [{ assertionResults: results.map(([fullName, status]) => ({ fullName, status })) }],
});
const all: [string, string][] = [
  ['an id is random', 'passed'],
  ['it clears', 'passed'],
  ...STORES.map((store): [string, string] => [`on ${store} login ends`, 'passed']),
];
const without = (name: string): [string, string][] => all.filter(([each]) => each !== name);

describe('the check of the security table', () => {
  it('reads the rows of tables that say what shows them', () => {
    expect(rowsOf(table).map(({ requirement, tests }) => [requirement, tests])).toEqual([
      ['ids', ['an id is random']],
      ['logout', ['every store: login ends', 'it clears']],
      ['TLS', []],
    ]);
  });

  it('accepts a table if every test ran and passed, on each store that it needs', () => {
    expect(faultsOf(rowsOf(table), report(...all))).toEqual([]);
  });

  it('names a test that is missing, was skipped or failed, and the store', () => {
    const rows = rowsOf(table);
    expect(faultsOf(rows, report(...without('an id is random')))).toEqual(['ids: there is no test "an id is random".']);
    expect(faultsOf(rows, report(...without('it clears'), ['it clears', 'pending']))).toEqual([
      'logout: "it clears" is pending.',
    ]);
    expect(faultsOf(rows, report(...without('on file login ends')))).toEqual([
      'logout: there is no test "on file login ends".',
    ]);
    expect(faultsOf(rows, report(...without('on mongo login ends'), ['on mongo login ends', 'failed']))).toEqual([
      'logout: "on mongo login ends" is failed.',
    ]);
    expect(faultsOf(rows, report(...all, ['it clears', 'failed']))).toEqual(['logout: "it clears" is passed, failed.']);
  });

  it('does without a store that the run was without', () => {
    const results = report(...without('on mongo login ends'), [
      'on mongo [skipped: mongo is missing: no program] login ends',
      'pending',
    ]);
    expect(missingStores(results)).toEqual(['mongo']);
    expect(faultsOf(rowsOf(table), results)).toEqual([]);
  });

  it('tells of an empty table, and of a row that has neither a test nor somebody to do it', () => {
    expect(faultsOf([], report())).toEqual(['The table has no rows.']);
    expect(faultsOf([{ requirement: 'x', tests: [], leftToApp: '' }], report())).toEqual([
      'x names no test, and is left to nobody.',
    ]);
  });
});
