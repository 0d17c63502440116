import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { pause } from '../../../lib/common/pause.js';

let waited: number[];

beforeEach(() => {
  waited = [];
  jest.spyOn(Math, 'random').mockReturnValue(0.5);
  jest.spyOn(globalThis, 'setTimeout').mockImplementation(((done: () => void, ms: number) => {
    waited.push(ms);
    done();
  }) as never);
});
afterEach(() => void jest.restoreAllMocks());

it('waits longer with each attempt, for a random part of at most 40 ms', async () => {
  for (const attempt of [0, 1, 4, 6, 60]) await pause(attempt);
  expect(waited).toEqual([0.5, 1, 8, 20, 20]);
});
