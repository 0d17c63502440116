/** A Jest reporter that says which tests were skipped and why; Jest's own prints only how many. */
const REASON = /\[skipped: (.+)\]/;

export default class SkipReporter {
  onRunComplete(_contexts, { testResults }) {
    const byReason = new Map();
    for (const file of testResults) {
      for (const test of file.testResults.filter(({ status }) => status === 'pending' || status === 'todo')) {
        const reason = REASON.exec(test.fullName)?.[1];
        // tests left out by -t have no reason to give
        if (reason) byReason.set(reason, (byReason.get(reason) ?? 0) + 1);
      }
    }
    for (const [reason, count] of byReason)
      console.error(`SKIPPED ${count} ${count === 1 ? 'test' : 'tests'}: ${reason}`);
  }
}
