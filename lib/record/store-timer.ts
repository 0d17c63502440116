// Imported, as an app's tests may replace the globals by fakes.
import { clearTimeout, setTimeout } from 'node:timers';
import { LONGEST_TIMER_MS } from '../common/deadline.js';

/** Receives how a call ended: one of the two is called, once. */
export interface Outcome<T> {
  answered(value: T): void;
  failed(error: unknown): void;
}

/**
 * Makes a call with a time limit; a later answer is dropped. It needs no promise in addition to the call's, and its
 * timer keeps no process running.
 *
 * @param tooLong makes the error if the call takes longer.
 */
export function callInTime<T>(ms: number, call: () => Promise<T>, tooLong: () => Error, outcome: Outcome<T>): void {
  let calling: Promise<T>;
  try {
    // A store may return something that is no promise.
    calling = Promise.resolve(call());
  } catch (error) {
    outcome.failed(error);
    return;
  }
  // A client that waits for its server keeps this variable and `tooLong`. So it drops the request at the time limit.
  let waiting: Outcome<T> | undefined = outcome;
  const timer = setTimeout(() => end()?.failed(tooLong()), Math.min(ms, LONGEST_TIMER_MS));
  timer.unref();
  const end = (): Outcome<T> | undefined => {
    const ended = waiting;
    waiting = undefined;
    clearTimeout(timer);
    return ended;
  };
  calling.then(
    (value) => end()?.answered(value),
    (error: unknown) => end()?.failed(error),
  );
}
