import { describe, expect, it } from '@jest/globals';
import { callStore } from '../../../lib/express/call-store.js';

type Callback = (error?: unknown, result?: unknown) => void;
const down = new Error('down');
const missing = Object.assign(new Error('missing'), { code: 'ENOENT' });
const call = (method: unknown, name = 'get', parameters: readonly unknown[] = ['id']): Promise<unknown> =>
  callStore({ [name]: method }, name, parameters, 1_000);
const reject = (error: unknown) => async (): Promise<never> => {
  throw error;
};

describe('callStore()', () => {
  it.each<[string, unknown]>([
    ['a callback', (_: string, done: Callback) => done(null, 7)],
    ['a promise', async () => 7],
    [
      'a promise of nothing, and a callback later',
      async (_: string, done: Callback) => void setImmediate(done, null, 7),
    ],
    ['a callback, twice', (_: string, done: Callback) => (done(null, 7), done(null, 8))],
    [
      'a callback, and then an error',
      (_: string, done: Callback) => {
        done(null, 7);
        throw down;
      },
    ],
    ['an error of false', (_: string, done: Callback) => done(false, 7)],
  ])('gives the result of %s', async (_, method) => expect(await call(method)).toBe(7));

  it.each<[string, unknown, unknown]>([
    ['by callback', (_: string, done: Callback) => done(down), down],
    ['by promise', reject(down), down],
    [
      'by promise, without a reason',
      reject(undefined),
      expect.objectContaining({ message: expect.stringContaining('without a reason') }),
    ],
    [
      'by an error that is thrown',
      () => {
        throw down;
      },
      down,
    ],
  ])('fails with the cause if the store fails %s', async (_, method, cause) => {
    await expect(call(method)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'get() of the session store failed.',
      cause,
    });
  });

  it('takes ENOENT for a missing session, except when it writes', async () => {
    expect(await call(reject(missing))).toBeUndefined();
    await expect(call(reject(missing), 'set')).rejects.toMatchObject({ cause: missing });
  });

  it('calls the method on the store, with its parameters before the callback', async () => {
    const store = {
      size: 3,
      touch(id: string, data: object, done: Callback) {
        done(null, [this.size, id, data]);
      },
    };
    expect(await callStore(store, 'touch', ['id', { a: 1 }], 1_000)).toEqual([3, 'id', { a: 1 }]);
  });

  it('gives up a store that does not answer', async () => {
    await expect(callStore({ get: () => undefined }, 'get', ['id'], 1)).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: "get() of the session store didn't answer within 1 ms.",
    });
  });
});
