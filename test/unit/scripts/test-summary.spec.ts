import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { summarize } from '../../../scripts/test-summary.mjs';

describe('the summary that npm run test:all ends on', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keycard-summary-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  function summaryOf(passed: number, failed: number, notRun: number, exitCode: number) {
    const file = join(folder, 'report.json');
    const counts = { numPassedTests: passed, numFailedTests: failed, numRuntimeErrorTestSuites: notRun };
    writeFileSync(file, JSON.stringify(counts));
    return summarize(file, exitCode);
  }

  it('counts tests that passed and tests that failed', () => {
    expect(summaryOf(7, 0, 0, 0)).toEqual({ passed: 7, failed: 0 });
    expect(summaryOf(7, 2, 0, 1)).toEqual({ passed: 7, failed: 2 });
  });

  it('counts a file that did not run as a failure', () => {
    expect(summaryOf(7, 0, 3, 1)).toEqual({ passed: 7, failed: 3 });
  });

  it('fails if Jest failed, but no test did', () => {
    expect(summaryOf(7, 0, 0, 1)).toEqual({ passed: 7, failed: 1 });
  });

  it('fails if Jest wrote no report', () => {
    expect(summarize(join(folder, 'no-such.json'), 0)).toEqual({ passed: 0, failed: 1 });
  });
});
