import { begin, finish } from './response-gate-commit.js';
import { NODE_END } from './response-gate-failure.js';
import { hold, keep, release } from './response-gate-hold.js';
import { BASE, type Gate, type GateBase, type GatedResponse, gateOf } from './response-gate-internals.js';
import type { SentData, WriteCallback } from './response-gate-internals.js';

// What stands before a response's own functions. Shared by all responses, so no closures: state is found by `this`.

type Args = readonly [chunk: unknown, encoding: unknown, callback: unknown];

/** Every byte of headers and body comes through here; what doesn't are the 1xx answers, which never wait. */
export function gatedSend(
  this: GatedResponse,
  data: SentData,
  encoding?: BufferEncoding | null,
  callback?: WriteCallback | null,
  byteLength?: number,
): boolean {
  const base = this[BASE]!;
  const gate = gateOf(this);
  if (gate !== undefined) {
    const held = gate.phase === 'waiting' ? begin(this, gate) : gate.hold;
    if (held?.replaced) {
      if (callback) process.nextTick(callback);
      return true;
    }
    if (held !== undefined) return keep(this, held, { data, encoding, callback, byteLength });
  }
  return base._send.call(this, data, encoding, callback, byteLength);
}

/** Node calls it as the last act of `end`, once `finished` is set. */
export function gatedFinish(this: GatedResponse): void {
  const base = this[BASE]!;
  const held = gateOf(this)?.hold;
  if (held === undefined || held.replaced) {
    base._finish.call(this);
    return;
  }
  held.ended = true;
  // While it is true, `server.close()` takes the connection for an idle one and cuts it.
  this.finished = false;
}

export function gatedWrite(this: GatedResponse, chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
  const base = this[BASE]!;
  const held = gateOf(this)?.hold;
  const endedBefore = held?.ended === true && !held.replaced;
  if (endedBefore) this.finished = true;
  try {
    return base.write.call(this as never, chunk, encoding as BufferEncoding, callback as WriteCallback);
  } finally {
    if (endedBefore) this.finished = false;
  }
}

export function gatedEnd(this: GatedResponse, chunk?: unknown, encoding?: unknown, callback?: unknown): unknown {
  const base = this[BASE]!;
  const gate = gateOf(this);
  const args: Args = [chunk, encoding, callback];
  if (gate === undefined) return callEnd(this, base, args);
  if (gate.hold?.replaced) {
    // Its bytes go nowhere. An app that ends for the first time only now is told `finish`, as ever.
    if (this.finished) callBackLater(args);
    else NODE_END.call(this, args.find(isFunction));
    return this;
  }
  if (gate.hold?.ended) return endAgain(this, base, args);
  if (gate.phase === 'begun' && gate.hooks.beforeEnd !== undefined) return endStreamed(this, base, gate, args);
  const result = callEnd(this, base, args);
  if (gate.phase === 'begun') gate.phase = 'ended';
  return result;
}

/** A held response has ended for the app, though `finished` doesn't say so yet: Node's own answer to a second `end`. */
function endAgain(response: GatedResponse, base: GateBase, args: Args): unknown {
  response.finished = true;
  try {
    return callEnd(response, base, args);
  } finally {
    response.finished = false;
  }
}

/** The bytes of the end wait for what the app changed since its first byte to be saved. */
function endStreamed(response: GatedResponse, base: GateBase, gate: Gate, args: Args): unknown {
  const before = gate.hold;
  const held = before ?? hold(response, gate);
  let result: unknown;
  try {
    result = callEnd(response, base, args);
  } catch (error) {
    if (before === undefined) release(response, gate, held);
    throw error;
  }
  gate.phase = 'ended';
  if (before === undefined) finish(response, gate, held);
  else held.endHookDue = true;
  return result;
}

function callEnd(response: GatedResponse, base: GateBase, [chunk, encoding, callback]: Args): unknown {
  return base.end.call(response as never, chunk, encoding as BufferEncoding, callback as () => void);
}

function callBackLater(args: Args): void {
  const callback = args.find(isFunction);
  if (callback) process.nextTick(callback);
}

function isFunction(arg: unknown): arg is () => void {
  return typeof arg === 'function';
}
