import { describe, expect, it } from '@jest/globals';
import { faultsOf, rowsOf } from '../../../scripts/check-parity.mjs';

const table = [
  'text',
  '| thing | test |',
  '| --- | --- |',
  '| `a` or `b \\| c` | suite shows a |',
  '| `d` | suite shows d |',
  '',
].join('\n');
const report = (...results: [string, string][]) => ({
  testResults: [{ assertionResults: results.map(([fullName, status]) => ({ fullName, status })) }],
});

describe('the check of the parity table', () => {
  it('reads the rows, and not the heads', () => {
    expect(rowsOf(table)).toEqual([
      { item: '`a` or `b \\| c`', test: 'suite shows a' },
      { item: '`d`', test: 'suite shows d' },
    ]);
  });

  it('accepts a table if every test ran and passed', () => {
    expect(
      faultsOf(rowsOf(table), report(['suite shows a', 'passed'], ['suite shows d', 'passed'], ['other', 'failed'])),
    ).toEqual([]);
  });

  it.each([
    ['is missing', report(['suite shows a', 'passed']), '`d`: there is no test "suite shows d".'],
    [
      'was skipped',
      report(['suite shows a', 'passed'], ['suite shows d', 'pending']),
      '`d`: "suite shows d" is pending.',
    ],
    ['failed', report(['suite shows a', 'passed'], ['suite shows d', 'failed']), '`d`: "suite shows d" is failed.'],
    [
      'is there twice',
      report(['suite shows a', 'passed'], ['suite shows d', 'passed'], ['suite shows d', 'passed']),
      '`d`: there are 2 tests "suite shows d".',
    ],
  ])('tells of a test that %s', (_what, results, fault) => {
    expect(faultsOf(rowsOf(table), results)).toEqual([fault]);
  });

  it('tells of an empty table, of a row without a test, and of a test that is named twice', () => {
    expect(faultsOf([], report())).toEqual(['The table has no rows.']);
    expect(faultsOf([{ item: 'a', test: '' }], report())).toEqual(['a names no test.']);
    expect(
      faultsOf(
        [
          { item: 'a', test: 't' },
          { item: 'b', test: 't' },
        ],
        report(['t', 'passed']),
      ),
    ).toEqual(['"t" is named twice.']);
  });
});
