import { SessionStoreError } from '../session-store.error.js';

/**
 * Gives up waiting after so many ms. The driver's own limits don't end an operation on a server that is frozen: they try again.
 *
 * @throws SessionStoreError with code `TIMEOUT`.
 */
export async function within<T>(ms: number, servers: () => string | undefined, operation: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const at = servers();
      const name = at === undefined ? 'MongoDB' : `MongoDB at ${at}`;
      reject(new SessionStoreError('TIMEOUT', `${name} didn't answer within ${ms} ms.`));
    }, ms);
  });
  try {
    return await Promise.race([operation, late]);
  } finally {
    clearTimeout(timer);
  }
}
