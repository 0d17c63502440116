import { afterEach, describe, expect, it, jest } from '@jest/globals';
import SkipReporter from '../../support/servers/skip-reporter.mjs';

const skipped = (fullName: string) => ({ status: 'pending' as const, fullName });

describe('the report of what was skipped', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('says each reason once, with the number of tests it cost, and nothing of tests that ran', () => {
    const print = jest.spyOn(console, 'error').mockImplementation(() => {});
    const files = [
      {
        testResults: [skipped('redis [skipped: redis is missing] pings'), { status: 'passed' as const, fullName: 'a' }],
      },
      { testResults: [skipped('cart [skipped: redis is missing] adds'), skipped('x [skipped: too slow] waits')] },
    ];
    new SkipReporter().onRunComplete(new Set(), { testResults: files });
    expect(print.mock.calls).toEqual([['SKIPPED 2 tests: redis is missing'], ['SKIPPED 1 test: too slow']]);
  });
});
