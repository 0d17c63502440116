import { describe, expect, it } from '@jest/globals';
import { within } from '../../../lib/common/deadline.js';

const late = (): Error => new Error('late');

describe('within', () => {
  it('gives the result, or the failure, of work that ends in time (#14.5)', async () => {
    expect(await within(1_000, Promise.resolve(7), late)).toBe(7);
    await expect(within(1_000, Promise.reject(new Error('own')), late)).rejects.toThrow('own');
  });

  it('fails with the error that it was given if the work takes longer (#14.5)', async () => {
    await expect(within(1, new Promise(() => undefined), late)).rejects.toThrow('late');
  });

  it('waits even if the limit is longer than the longest timer of Node (#14.5)', async () => {
    let end = (): void => undefined;
    const work = new Promise<void>((resolve) => (end = resolve));
    const limited = within(90 * 86_400_000, work, late);
    setTimeout(end, 10);
    await expect(limited).resolves.toBeUndefined();
  });

  it('keeps no timer after the work has ended (#14.5)', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    await within(60_000, Promise.resolve(), late);
    expect(timers()).toBe(before);
  });
});
