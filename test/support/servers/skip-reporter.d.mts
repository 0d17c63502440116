interface FinishedTest {
  status: string;
  fullName: string;
}

export default class SkipReporter {
  onRunComplete(contexts: Set<unknown>, results: { testResults: { testResults: FinishedTest[] }[] }): void;
}
