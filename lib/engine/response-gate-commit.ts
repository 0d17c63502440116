import type { ServerResponse } from 'node:http';
import { answerFailure } from './response-gate-failure.js';
import { hold, release } from './response-gate-hold.js';
import type { Gate, GatedResponse, Hold } from './response-gate-internals.js';

/** Asks the hook of the headers; gives the hold where there is something to wait for. */
export function begin(response: GatedResponse, gate: Gate): Hold | undefined {
  gate.phase = 'begun';
  let pending: void | Promise<void>;
  try {
    pending = gate.hooks.beforeHeaders(response as unknown as ServerResponse);
    if (pending === undefined) return undefined;
  } catch (error) {
    pending = Promise.reject(error);
  }
  const held = hold(response, gate);
  Promise.resolve(pending).then(
    () => (held.endHookDue ? finish(response, gate, held) : release(response, gate, held)),
    (error: unknown) => answerFailure(response, gate, held, error),
  );
  return held;
}

/** Asks the hook of the end, with the bytes of the end in the hold, and lets them go. */
export function finish(response: GatedResponse, gate: Gate, held: Hold): void {
  const proceed = (): void => release(response, gate, held);
  let pending: void | Promise<void> = undefined;
  try {
    pending = gate.hooks.beforeEnd?.(response as unknown as ServerResponse);
  } catch (error) {
    // Half of the app's response is gone already: it ends as it was meant, as after a rejection.
    process.emitWarning(new Error('A hook at the end of a response threw.', { cause: error }));
  }
  if (pending === undefined) proceed();
  else Promise.resolve(pending).then(proceed, proceed);
}
