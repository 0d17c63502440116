import { describe, expect, it } from '@jest/globals';
import { wasRolledBack } from '../../../lib/stores/postgres/postgres-errors.js';
import { TurnBatcher } from '../../../lib/stores/turn-batcher.js';

const serverError = (code: string) => Object.assign(new Error('from the server'), { code });

/** Doubles numbers, and keeps what each query was asked. */
function doubling(options: { fail?: (items: readonly number[]) => unknown; keyed?: boolean; weight?: number } = {}) {
  const queries: number[][] = [];
  const batcher = new TurnBatcher<number, number>({
    ...(options.keyed && { key: (item: number) => String(item % 10) }),
    weight: () => options.weight ?? 1,
    didNothing: wasRolledBack,
    run: async (items) => {
      queries.push([...items]);
      const error = options.fail?.(items);
      if (error !== undefined) throw error;
      return items.map((item) => item * 2);
    },
  });
  return { batcher, queries };
}

describe('TurnBatcher', () => {
  it('lets the calls of one turn share a query, though Node runs microtasks between them', async () => {
    const { batcher, queries } = doubling();
    const inImmediate = (item: number) =>
      new Promise<number>((resolve) => setImmediate(() => resolve(batcher.add(item))));
    expect(await Promise.all([1, 2, 3].map(inImmediate))).toEqual([2, 4, 6]);
    expect(queries).toEqual([[1, 2, 3]]);
    expect(await batcher.add(4)).toBe(8);
    expect(queries).toEqual([[1, 2, 3], [4]]);
  });

  it('never puts two items of one key into one query', async () => {
    const { batcher, queries } = doubling({ keyed: true });
    await Promise.all([1, 11, 2, 21].map((item) => batcher.add(item)));
    expect(queries).toEqual([[1, 2], [11], [21]]);
  });

  it('bounds a query by its items and by what they weigh', async () => {
    const many = doubling();
    await Promise.all(Array.from({ length: 600 }, (_, n) => many.batcher.add(n)));
    expect(many.queries.map((items) => items.length)).toEqual([256, 256, 88]);
    const heavy = doubling({ weight: 400_000 });
    await Promise.all([1, 2, 3].map((item) => heavy.batcher.add(item)));
    expect(heavy.queries).toEqual([[1, 2], [3]]);
  });

  it('tries each alone if one makes the query of all fail, so that only that one fails', async () => {
    const { batcher, queries } = doubling({ fail: (items) => (items.includes(2) ? serverError('22P02') : undefined) });
    const results = await Promise.allSettled([1, 2, 3].map((item) => batcher.add(item)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(queries).toEqual([[1, 2, 3], [1], [2], [3]]);
  });

  it('tries each alone after a deadlock, which the server has rolled back', async () => {
    const { batcher, queries } = doubling({ fail: (items) => (items.length > 1 ? serverError('40P01') : undefined) });
    expect(await Promise.all([1, 2].map((item) => batcher.add(item)))).toEqual([2, 4]);
    expect(queries).toEqual([[1, 2], [1], [2]]);
  });

  it('tries nothing again if a query may have been executed', async () => {
    for (const error of [new Error('Connection terminated unexpectedly'), serverError('57P01'), serverError('40003')]) {
      const { batcher, queries } = doubling({ fail: () => error });
      const results = await Promise.allSettled([1, 2].map((item) => batcher.add(item)));
      expect(results.map((result) => (result as PromiseRejectedResult).reason)).toEqual([error, error]);
      expect(queries).toEqual([[1, 2]]);
    }
  });
});
