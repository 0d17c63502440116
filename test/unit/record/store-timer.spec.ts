import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

// What lib imports is the fake clock's.
jest.unstable_mockModule('node:timers', () => ({
  setTimeout: (run: () => void, ms: number) => setTimeout(run, ms),
  clearTimeout: (timer: NodeJS.Timeout) => clearTimeout(timer),
}));
const { callInTime } = await import('../../../lib/record/store-timer.js');

const LIMIT = 800;
const tooLong = jest.fn(() => new Error('too late'));
const never = (): Promise<never> => new Promise(() => undefined);

/** What becomes of a call, in the order in which it was told. */
function outcomeOf<T>(call: () => Promise<T>, ms = LIMIT): unknown[] {
  const told: unknown[] = [];
  callInTime(ms, call, tooLong, {
    answered: (value) => void told.push(value),
    failed: (error) => void told.push((error as Error).message),
  });
  return told;
}

beforeEach(() => {
  jest.useFakeTimers();
  tooLong.mockClear();
});
afterEach(() => void jest.useRealTimers());

describe('callInTime()', () => {
  it('tells the result or the failure, and keeps no timer', async () => {
    const told = [outcomeOf(() => Promise.resolve(7)), outcomeOf(() => Promise.reject(new Error('down')))];
    expect(jest.getTimerCount()).toBe(2);
    await jest.advanceTimersByTimeAsync(0);
    expect(told).toEqual([[7], ['down']]);
    expect(jest.getTimerCount()).toBe(0);
    await jest.advanceTimersByTimeAsync(LIMIT);
    expect(told).toEqual([[7], ['down']]);
    expect(tooLong).not.toHaveBeenCalled();
  });

  it('tells the failure of a store that throws, and accepts one that returns no promise', async () => {
    const broken = (): never => {
      throw new Error('broken');
    };
    expect(outcomeOf(broken)).toEqual(['broken']);
    const told = outcomeOf((() => 7) as never);
    await jest.advanceTimersByTimeAsync(0);
    expect(told).toEqual([7]);
  });

  it('fails a call at its limit, each at its own', async () => {
    const first = outcomeOf(never);
    await jest.advanceTimersByTimeAsync(LIMIT - 1);
    const second = outcomeOf(never);
    expect(first).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect([first, second]).toEqual([['too late'], []]);
    await jest.advanceTimersByTimeAsync(LIMIT);
    expect([first, second]).toEqual([['too late'], ['too late']]);
    expect(tooLong).toHaveBeenCalledTimes(2);
  });

  it.each([
    ['answer', (settle: { answer: (value: number) => void }) => settle.answer(7)],
    ['failure', (settle: { fail: (error: Error) => void }) => settle.fail(new Error('down'))],
  ])('drops an %s that comes after the limit', async (_, late) => {
    let settle!: { answer: (value: number) => void; fail: (error: Error) => void };
    const told = outcomeOf(() => new Promise<number>((answer, fail) => (settle = { answer, fail })));
    await jest.advanceTimersByTimeAsync(LIMIT);
    late(settle);
    await jest.advanceTimersByTimeAsync(LIMIT);
    expect(told).toEqual(['too late']);
  });

  it('allows a limit that is longer than the longest timer of Node', async () => {
    const told = outcomeOf(never, 60 * 86_400_000);
    await jest.advanceTimersByTimeAsync(86_400_000);
    expect(told).toEqual([]);
  });
});
