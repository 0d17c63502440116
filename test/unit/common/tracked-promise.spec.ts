import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { TrackedPromise } from '../../../lib/common/tracked-promise.js';

const down = new Error('down');
let reported: unknown[];
const track = <T>(promise: Promise<T>): TrackedPromise<T> =>
  TrackedPromise.track(promise, (error) => reported.push(error));
/** Reports come in a later turn than the rejection. */
const laterTurns = async (): Promise<void> => {
  await setImmediate();
  await setImmediate();
};

beforeEach(() => {
  reported = [];
});

describe('TrackedPromise', () => {
  it('reports the error of a promise that nobody awaits', async () => {
    track(Promise.reject(down));
    await laterTurns();
    expect(reported).toEqual([down]);
  });

  it('reports nothing if the promise is awaited', async () => {
    await expect(track(Promise.reject(down))).rejects.toBe(down);
    await laterTurns();
    expect(reported).toEqual([]);
  });

  it('reports nothing if the promise is fulfilled', async () => {
    track(Promise.resolve(7));
    await laterTurns();
    expect(reported).toEqual([]);
  });

  it('gives plain promises from then(), catch() and finally()', () => {
    const tracked = track(Promise.resolve(7));
    expect(tracked.then()).not.toBeInstanceOf(TrackedPromise);
    expect(tracked.finally()).not.toBeInstanceOf(TrackedPromise);
  });
});
