import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CallTimer } from '../../../lib/record/store-timer.js';

const asError = (error: unknown): Error => new Error(`store: ${(error as Error).message}`);
let timer: CallTimer;

beforeEach(() => {
  jest.useFakeTimers();
  timer = new CallTimer(800, () => new Error('too late'));
});
afterEach(() => void jest.useRealTimers());

const never = (): Promise<never> => new Promise(() => undefined);

describe('CallTimer', () => {
  it('gives the result, or the failure as an error of its own', async () => {
    expect(await timer.bound(() => Promise.resolve(7), asError)).toBe(7);
    await expect(timer.bound(() => Promise.reject(new Error('down')), asError)).rejects.toThrow('store: down');
    const broken = (): never => {
      throw new Error('broken');
    };
    await expect(timer.bound(broken, asError)).rejects.toThrow('store: broken');
  });

  it('accepts a store that returns something that is no promise', async () => {
    expect(await timer.bound((() => 7) as never, asError)).toBe(7);
  });

  it('rejects a call at its limit, and at most an eighth later', async () => {
    const late = jest.fn();
    const outcome = jest.fn();
    timer.bound(never, asError, late).catch(outcome);
    await jest.advanceTimersByTimeAsync(800);
    expect(outcome).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(100);
    expect(outcome).toHaveBeenCalledWith(new Error('too late'));
    expect(late).toHaveBeenCalledTimes(1);
  });

  it('gives each call its own time', async () => {
    const outcomes: string[] = [];
    for (const name of ['first', 'second']) {
      timer.bound(never, asError).catch(() => outcomes.push(name));
      await jest.advanceTimersByTimeAsync(500);
    }
    expect(outcomes).toEqual(['first']);
    await jest.advanceTimersByTimeAsync(500);
    expect(outcomes).toEqual(['first', 'second']);
  });

  it('drops an answer that comes after the limit', async () => {
    let answer!: (value: number) => void;
    const outcome = jest.fn();
    timer
      .bound(() => new Promise<number>((resolve) => (answer = resolve)), asError)
      .then(outcome, (error: Error) => outcome(error.message));
    await jest.advanceTimersByTimeAsync(900);
    answer(7);
    await jest.advanceTimersByTimeAsync(900);
    expect(outcome.mock.calls).toEqual([['too late']]);
  });

  it('keeps a timer only as long as calls are waiting', async () => {
    for (let n = 0; n < 2; n += 1) {
      await timer.bound(() => Promise.resolve(), asError);
      expect(jest.getTimerCount()).toBe(1);
      await jest.advanceTimersByTimeAsync(100);
      expect(jest.getTimerCount()).toBe(0);
    }
  });
});
