import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { LogLimit } from '../../../lib/common/log-limit.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

it('allows one line a second of each kind', () => {
  const limit = new LogLimit();
  expect([limit.allows('save'), limit.allows('save'), limit.allows('load')]).toEqual([true, false, true]);
  jest.advanceTimersByTime(999);
  expect(limit.allows('save')).toBe(false);
  jest.advanceTimersByTime(1);
  expect(limit.allows('save')).toBe(true);
});
