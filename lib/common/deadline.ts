// From the module, and not the globals: an app's tests may put fakes there.
import { clearTimeout, setTimeout } from 'node:timers';

/**
 * The result of `work`, if it comes within `ms`. Work that takes longer goes on, and its result is dropped.
 *
 * @throws what `late` gives, if it takes longer.
 */
export async function within<T>(ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
