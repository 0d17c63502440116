import { readFileSync } from 'node:fs';

/**
 * What passed and failed in a Jest run, from its JSON report and its exit code. A file that didn't run counts as one
 * failure; so does a Jest that wrote no report, or failed for a reason that no test has (a threshold, a teardown).
 */
export function summarize(reportFile, exitCode) {
  let report;
  try {
    report = JSON.parse(readFileSync(reportFile, 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return { passed: 0, failed: 1 };
  }
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  return { passed: report.numPassedTests, failed: failed === 0 && exitCode !== 0 ? 1 : failed };
}
