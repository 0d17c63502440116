import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Pruner, warnOfFailedPrune } from '../../../lib/stores/pruner.js';
import { warnAs } from '../../../lib/stores/store-options.js';

describe('Pruner', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  it('waits no less for an interval that no timer of Node can take (#14.5)', async () => {
    const prune = jest.fn(() => Promise.resolve());
    const pruner = new Pruner(2 ** 31 - 1, prune, () => undefined);
    jest.spyOn(Math, 'random').mockReturnValueOnce(0.999);
    pruner.start();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(prune).not.toHaveBeenCalled();
    pruner.stop();
  });

  it('waits between half and one and a half of the interval, each time anew', async () => {
    const prune = jest.fn(() => Promise.resolve());
    const pruner = new Pruner(1_000, prune, () => undefined);
    jest.spyOn(Math, 'random').mockReturnValueOnce(0).mockReturnValueOnce(0.999);
    pruner.start();
    await jest.advanceTimersByTimeAsync(499);
    expect(prune).toHaveBeenCalledTimes(0);
    await jest.advanceTimersByTimeAsync(1);
    expect(prune).toHaveBeenCalledTimes(1);
    await jest.advanceTimersByTimeAsync(1_498);
    expect(prune).toHaveBeenCalledTimes(1);
    await jest.advanceTimersByTimeAsync(1);
    expect(prune).toHaveBeenCalledTimes(2);
    pruner.stop();
  });

  it('continues after a failure, which it reports', async () => {
    const [failure, reported] = [new Error('away'), jest.fn()];
    const prune = jest.fn(() => Promise.reject(failure));
    const pruner = new Pruner(1_000, prune, reported);
    pruner.start();
    await jest.advanceTimersByTimeAsync(3_001);
    expect(prune.mock.calls.length).toBeGreaterThanOrEqual(2);
    expect(reported).toHaveBeenCalledWith(failure);
    pruner.stop();
  });

  it('never begins with the interval false (#14.5)', () => {
    const pruner = new Pruner(false, () => Promise.resolve(), warnOfFailedPrune(warnAs('KEYCARD_TEST')));
    pruner.start();
    expect(jest.getTimerCount()).toBe(0);
    pruner.stop();
  });

  it("reports a failed round as the store's warning (#14.5)", async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockReturnValue();
    const failing = () => Promise.reject(new Error('away'));
    const pruner = new Pruner(1_000, failing, warnOfFailedPrune(warnAs('KEYCARD_TEST')));
    jest.spyOn(Math, 'random').mockReturnValueOnce(0);
    pruner.start();
    await jest.advanceTimersByTimeAsync(500);
    expect(warn.mock.calls).toEqual([
      [
        'Expired sessions could not be removed, which is tried again later: away',
        { type: 'KeycardWarning', code: 'KEYCARD_TEST' },
      ],
    ]);
    pruner.stop();
  });

  it('leaves no timer once it is stopped, in the middle of a turn too', async () => {
    let finish = (): void => undefined;
    const pruner = new Pruner(
      1_000,
      () => new Promise<void>((resolve) => (finish = resolve)),
      () => undefined,
    );
    pruner.start();
    pruner.start();
    expect(jest.getTimerCount()).toBe(1);
    await jest.advanceTimersByTimeAsync(1_500);
    pruner.stop();
    finish();
    await jest.advanceTimersByTimeAsync(0);
    expect(jest.getTimerCount()).toBe(0);
  });
});
