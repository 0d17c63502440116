// Imported, as an app's tests may replace the globals by fakes.
import { clearTimeout, setTimeout } from 'node:timers';

/** The longest delay of a Node timer, in ms: 24.8 days. With a longer one the timer fires at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * The result of `work`, if it takes at most `ms`. Work that takes longer continues, and its result is dropped.
 *
 * @throws the error that `late` returns, if it takes longer.
 */
export async function within<T>(ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), Math.min(ms, LONGEST_TIMER_MS));
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
