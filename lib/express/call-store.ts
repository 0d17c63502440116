import { within } from '../common/deadline.js';
import { isPromise } from '../common/is-promise.js';
import { SessionStoreError } from '../stores/session-store.error.js';

type Method = (...parameters: unknown[]) => unknown;

/**
 * Calls a method of a store that answers by a callback or by a promise. The first answer counts.
 *
 * @throws SessionStoreError with code `TIMEOUT` if none comes in time, `UNAVAILABLE` with the cause if the store
 * failed.
 */
export function callStore(
  store: unknown,
  name: string,
  parameters: readonly unknown[],
  timeoutMs: number,
): Promise<unknown> {
  const answered = new Promise((resolve, reject) => {
    const settle = (error: unknown, result?: unknown): void => {
      if (!isError(error)) resolve(result);
      else if (name !== 'set' && isNotFound(error)) resolve(undefined);
      else reject(new SessionStoreError('UNAVAILABLE', `${name}() of the session store failed.`, { cause: error }));
    };
    try {
      const method = (store as Record<string, Method>)[name]!;
      const takesCallback = method.length > parameters.length;
      const answer = method.call(store, ...parameters, settle);
      if (!isPromise(answer)) return;
      answer.then(
        // A method with a callback may also return a promise of nothing, before it calls the callback.
        (result) => (takesCallback && result === undefined ? undefined : settle(undefined, result)),
        (error) => settle(error ?? new Error('The promise was rejected without a reason.')),
      );
    } catch (error) {
      settle(error ?? new Error('Nothing was thrown.'));
    }
  });
  return within(
    timeoutMs,
    answered,
    () => new SessionStoreError('TIMEOUT', `${name}() of the session store didn't answer within ${timeoutMs} ms.`),
  );
}

function isError(error: unknown): boolean {
  return error !== undefined && error !== null && error !== false;
}

/** Stores on files report a missing session by this error, and express-session accepts that. */
function isNotFound(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ENOENT';
}
