import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import type { CommitServices } from '../../../lib/commit/commit-services.js';
import { NewRecords } from '../../../lib/commit/new-records.js';

const DAY_MS = 86_400_000;

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const recordsWith = (storeTimeoutMs: number): NewRecords =>
  new NewRecords({ options: { storeTimeoutMs } } as CommitServices);

it('later() looks again when the store must have finished: after twice its time limit', async () => {
  const look = jest.fn(() => Promise.resolve());
  recordsWith(2_000).later(look);
  await jest.advanceTimersByTimeAsync(3_999);
  expect(look).not.toHaveBeenCalled();
  await jest.advanceTimersByTimeAsync(1);
  expect(look).toHaveBeenCalledTimes(1);
});

it('later() does not look at once if twice the limit is longer than the longest timer of Node', async () => {
  const look = jest.fn(() => Promise.resolve());
  recordsWith(20 * DAY_MS).later(look);
  await jest.advanceTimersByTimeAsync(DAY_MS);
  expect(look).not.toHaveBeenCalled();
});
