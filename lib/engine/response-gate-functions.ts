import type { ServerResponse } from 'node:http';
import { answerFailure } from './response-gate-failure.js';
import type { GateHooks } from './response-gate-hooks.js';
import { hold, keep, release } from './response-gate-hold.js';
import { BASE, BEGUN, ENDED, HOLD, HOOKS, PHASE } from './response-gate-internals.js';
import type { GatedResponse, Hold, SentData, WriteCallback } from './response-gate-internals.js';

// What stands before a response's own functions. Shared by all responses, so no closures: state is found on `this`.

/** Every byte of headers and body comes through here; what doesn't are the 1xx answers, which never wait. */
export function gatedSend(
  this: GatedResponse,
  data: SentData,
  encoding?: BufferEncoding | null,
  callback?: WriteCallback | null,
  byteLength?: number,
): boolean {
  let held = this[HOLD];
  if (held === undefined && !this[PHASE] && this[HOOKS] !== undefined) held = begin(this, this[HOOKS]);
  if (held !== undefined && !held.replaced) return keep(this, held, { data, encoding, callback, byteLength });
  return this[BASE]!._send.call(this, data, encoding, callback, byteLength);
}

/** Node calls it as the last act of `end`, once `finished` is set. */
export function gatedFinish(this: GatedResponse): void {
  const held = this[HOLD];
  if (held === undefined || held.replaced) {
    this[BASE]!._finish.call(this);
    return;
  }
  held.ended = true;
  // While it is true, `server.close()` takes the connection for an idle one and cuts it.
  this.finished = false;
}

export function gatedWrite(this: GatedResponse, chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
  const held = this[HOLD];
  if (held?.replaced) {
    callBackLater(encoding, callback);
    return true;
  }
  const { write } = this[BASE]!;
  if (held?.ended) this.finished = true;
  try {
    return write.call(this as never, chunk, encoding as BufferEncoding, callback as WriteCallback);
  } finally {
    if (held?.ended) this.finished = false;
  }
}

export function gatedEnd(this: GatedResponse, chunk?: unknown, encoding?: unknown, callback?: unknown): unknown {
  const held = this[HOLD];
  if (held?.replaced) {
    callBackLater(chunk, encoding, callback);
    return this;
  }
  const hooks = this[HOOKS];
  if (this[PHASE] === BEGUN && hooks?.beforeEnd !== undefined) {
    return endStreamed(this, hooks, chunk, encoding, callback);
  }
  const endedBefore = held?.ended === true;
  if (endedBefore) this.finished = true;
  try {
    return callEnd(this, chunk, encoding, callback);
  } finally {
    if (endedBefore) this.finished = false;
    if (this[PHASE] === BEGUN) this[PHASE] = ENDED;
  }
}

function callEnd(response: GatedResponse, chunk: unknown, encoding: unknown, callback: unknown): unknown {
  return response[BASE]!.end.call(response as never, chunk, encoding as BufferEncoding, callback as () => void);
}

function callBackLater(...args: unknown[]): void {
  const callback = args.find((arg) => typeof arg === 'function');
  if (callback) process.nextTick(callback as () => void);
}

function begin(response: GatedResponse, hooks: GateHooks): Hold | undefined {
  response[PHASE] = BEGUN;
  let pending: void | Promise<void>;
  try {
    pending = hooks.beforeHeaders(response as unknown as ServerResponse);
    if (pending === undefined) return undefined;
  } catch (error) {
    pending = Promise.reject(error);
  }
  const held = hold(response);
  Promise.resolve(pending).then(
    () => (held.endHookDue ? callBeforeEnd(response, held, hooks) : release(response, held)),
    (error: unknown) => answerFailure(response, held, hooks, error),
  );
  return held;
}

/** The bytes of the end wait for what the app changed since its first byte to be saved. */
function endStreamed(
  response: GatedResponse,
  hooks: GateHooks,
  chunk: unknown,
  encoding: unknown,
  callback: unknown,
): unknown {
  const before = response[HOLD];
  const held = before ?? hold(response);
  let result: unknown;
  try {
    result = callEnd(response, chunk, encoding, callback);
  } catch (error) {
    if (before === undefined) release(response, held);
    throw error;
  }
  response[PHASE] = ENDED;
  if (before === undefined) callBeforeEnd(response, held, hooks);
  else held.endHookDue = true;
  return result;
}

function callBeforeEnd(response: GatedResponse, held: Hold, hooks: GateHooks): void {
  const proceed = (): void => release(response, held);
  let pending: void | Promise<void> = undefined;
  try {
    pending = hooks.beforeEnd?.(response as unknown as ServerResponse);
  } catch (error) {
    // Half of the app's response is gone already: it ends as it was meant, as after a rejection.
    process.emitWarning(new Error('A hook at the end of a response threw.', { cause: error }));
  }
  if (pending === undefined) proceed();
  else Promise.resolve(pending).then(proceed, proceed);
}
