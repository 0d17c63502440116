import { within } from '../common/deadline.js';

/** In ms, the connection included. */
const LIMIT_MS = 2_500;

/**
 * Limits how long a subscription takes: with a server that hangs, drivers wait for ever, on a connection that nobody
 * closes.
 *
 * @throws Error if it takes longer. The caller then closes the connection.
 */
export const inTime = <T>(subscribing: Promise<T>): Promise<T> =>
  within(LIMIT_MS, subscribing, () => new Error(`no answer to the subscription within ${LIMIT_MS / 1_000} s`));
