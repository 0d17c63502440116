import type { ServerResponse } from 'node:http';
import { answerFailure, callBase, hold, keep, lock, release } from './response-gate-hold.js';
import {
  type Call,
  checkChunk,
  checkEnd,
  checkTrailer,
  functionIn,
  type Gate,
  type GatedFunctions,
  type GateHooks,
  gateOf,
  isHttp2,
  lengthOf,
  refuse,
  sayLate,
  setGate,
  takeHead,
} from './response-gate-state.js';

export {
  addHeader,
  addSetCookie,
  type Gate,
  type GateCarrier,
  type GateFailure,
  type GateHooks,
  isCacheable,
  makePrivate,
  REQUEST,
} from './response-gate-state.js';

const NAMES = ['writeHead', 'write', 'end', 'flushHeaders'] as const;
/** A response, seen as an object whose functions can be assigned. */
type Replaceable = Record<(typeof NAMES)[number], unknown>;

/**
 * Holds a response, from its first byte, until the hooks have finished. Works with everything that has the documented
 * functions of a `ServerResponse`: node:http, HTTP/2's compat API, adapters and mocks.
 *
 * While the response is held, the app's calls are kept, and repeated in their order at the release. What Node checks at
 * a call is checked at the call, so errors are thrown where Node throws them.
 *
 * @throws TypeError if the response lacks these functions, or they can't be replaced.
 */
export function attachGate(res: ServerResponse, hooks: GateHooks): void {
  const present = gateOf(res);
  if (present !== undefined) {
    present.hooks = hooks;
    return;
  }
  const base = functionsOf(res);
  const phase = !res.headersSent ? 'waiting' : res.writableEnded ? 'ended' : 'open';
  setGate(res, {
    response: res,
    hooks,
    base,
    phase,
    isSent: res.headersSent,
    head: undefined,
    lock: undefined,
    hold: undefined,
    sentStatus: undefined,
    written: 0,
  });
  const own: Replaceable = res;
  own.writeHead = gatedWriteHead;
  own.write = gatedWrite;
  own.end = gatedEnd;
  if (base.flushHeaders !== undefined) own.flushHeaders = gatedFlushHeaders;
}

function functionsOf(res: ServerResponse): GatedFunctions {
  const { writeHead, write, end, flushHeaders, setHeader } = res ?? ({} as ServerResponse);
  if (
    writeHead === STAND_INS.writeHead &&
    write === STAND_INS.write &&
    end === STAND_INS.end &&
    flushHeaders === STAND_INS.flushHeaders
  )
    return Object.getPrototypeOf(res) as GatedFunctions;
  if (![writeHead, write, end, setHeader].every((each) => typeof each === 'function')) {
    throw new TypeError(
      'Sessions need a response with writeHead(), write(), end() and setHeader(), as node:http has. This one lacks them, so it can not be held until the session is saved.',
    );
  }
  if (
    NAMES.some((name) => Object.getOwnPropertyDescriptor(res, name)?.writable === false) ||
    !Object.isExtensible(res)
  ) {
    throw new TypeError(
      'Sessions need a response whose writeHead(), write() and end() can be replaced. This one is frozen, so it can not be held until the session is saved.',
    );
  }
  // One signature can't express Node's overloads.
  return { writeHead, write, end, flushHeaders } as unknown as GatedFunctions;
}

/** Call the inherited function. They reserve the properties of the gate on a response that has no gate yet. */
const STAND_INS = Object.fromEntries(
  NAMES.map((name) => [
    name,
    function standIn(this: ServerResponse, ...args: unknown[]): unknown {
      // An object that was made of the response inherits the stand-in itself.
      let prototype = Object.getPrototypeOf(this) as GatedFunctions;
      while (prototype[name] === STAND_INS[name]) prototype = Object.getPrototypeOf(prototype) as GatedFunctions;
      return prototype[name]!.apply(this, args);
    },
  ]),
) as Record<(typeof NAMES)[number], Call>;

/** Reserves the properties of the gate's functions on a response: see `defineEarly`. */
export function standIn(res: ServerResponse): void {
  // A mock's functions, or those of a tracer that wraps them.
  if (NAMES.some((name) => Object.hasOwn(res, name))) return;
  const own: Replaceable = res;
  own.writeHead = STAND_INS.writeHead;
  own.write = STAND_INS.write;
  own.end = STAND_INS.end;
  own.flushHeaders = STAND_INS.flushHeaders;
}

/** If the gate can't be found, as the response's `req` was replaced, the call passes through. */
function baseOf(response: ServerResponse, gate: Gate | undefined): GatedFunctions {
  return gate?.base ?? (Object.getPrototypeOf(response) as GatedFunctions);
}

// --- The functions that replace a response's own. All responses share them: they find their gate by `this`.

function gatedWriteHead(this: ServerResponse, ...args: unknown[]): unknown {
  const gate = gateOf(this);
  if (gate === undefined || gate.phase === 'open' || gate.phase === 'ended')
    return baseOf(this, gate).writeHead.apply(this, args);
  if (gate.phase === 'replaced' || gate.head !== undefined) refuse((res) => res.writeHead(200).writeHead(200));
  const isAsked = gate.phase === 'asked';
  gate.head = takeHead(this, args, !isAsked);
  lock(gate);
  // With HTTP/2, `writeHead` sends the first byte.
  if (!isAsked && isHttp2(this) && !commit(gate)) release(gate);
  return this;
}

function gatedWrite(this: ServerResponse, ...args: unknown[]): unknown {
  const gate = gateOf(this);
  if (gate === undefined || gate.phase === 'open' || gate.phase === 'ended') {
    const result = baseOf(this, gate).write.apply(this, args);
    if (gate !== undefined && this.strictContentLength) gate.written += lengthOf(args[0], args[1]);
    return result;
  }
  const callback = functionIn(args);
  if (gate.phase === 'replaced') {
    if (callback) process.nextTick(callback);
    return true;
  }
  if (gate.hold?.ended) {
    sayLate(gate, callback);
    return false;
  }
  checkChunk(gate, args[0], args[1]);
  return gate.hold === undefined && !commit(gate) ? writeNow(gate, args) : keep(gate, 'write', args);
}

function writeNow(gate: Gate, args: unknown[]): unknown {
  const result = callBase(gate, 'write', args);
  gate.written += lengthOf(args[0], args[1]);
  return result;
}

function gatedFlushHeaders(this: ServerResponse): void {
  const gate = gateOf(this);
  if (gate === undefined || gate.phase === 'open' || gate.phase === 'ended')
    baseOf(this, gate).flushHeaders?.call(this);
  else if (gate.phase === 'replaced' || gate.hold?.ended) return;
  else if (gate.hold === undefined && !commit(gate)) callBase(gate, 'flushHeaders', []);
  else keep(gate, 'flushHeaders', []);
}

function gatedEnd(this: ServerResponse, ...args: unknown[]): unknown {
  const gate = gateOf(this);
  if (gate === undefined || gate.phase === 'ended') return baseOf(this, gate).end.apply(this, args);
  if (gate.phase === 'replaced') return endReplaced(gate, args);
  if (gate.hold?.ended) return endAgain(gate, args);
  checkEnd(gate, typeof args[0] === 'function' ? undefined : args[0], args[1]);
  if (gate.phase === 'open') return endStreamed(gate, args);
  if (gate.hold !== undefined) {
    gate.hold.endHookDue = gate.hooks.beforeEnd !== undefined;
    keep(gate, 'end', args);
  } else if (commit(gate)) keep(gate, 'end', args);
  else {
    gate.phase = 'ended';
    callBase(gate, 'end', args);
  }
  return this;
}

/** The end waits until the changes since the first byte are saved. */
function endStreamed(gate: Gate, args: unknown[]): unknown {
  const pending = askEnd(gate);
  gate.phase = 'ended';
  if (pending === undefined) return gate.base.end.apply(gate.response, args);
  hold(gate);
  gate.phase = 'held';
  keep(gate, 'end', args);
  void pending.then(() => letGo(gate));
  return gate.response;
}

/** The bytes are dropped. An app that ends only now still gets `finish`. */
function endReplaced({ response, base }: Gate, args: unknown[]): unknown {
  const callback = functionIn(args);
  if (!response.writableEnded && !response.destroyed) base.end.call(response, callback);
  else if (callback) process.nextTick(callback);
  return response;
}

/** For the app, a held response has ended: throws or reports what Node does for a second `end`. */
function endAgain(gate: Gate, args: unknown[]): unknown {
  const callback = functionIn(args);
  if (args[0] && typeof args[0] !== 'function') sayLate(gate, callback);
  else if (callback) gate.response.on('finish', callback);
  return gate.response;
}

// --- Asking the hooks

/** Calls the hook before the headers. Returns `true` if the response is held from now on. */
function commit(gate: Gate): boolean {
  const { response, hooks } = gate;
  if (gate.head === undefined) {
    if (response.writeHead === gatedWriteHead) {
      gate.sentStatus = response.statusCode;
      checkTrailer(response, gate.sentStatus);
    } else askWrappers(gate);
  }
  let pending: void | Promise<void>;
  try {
    pending = hooks.beforeHeaders(response);
  } catch (error) {
    pending = Promise.reject(error);
  }
  if (pending === undefined) {
    if (gate.head !== undefined) release(gate);
    gate.isSent = true;
    gate.phase = 'open';
    return false;
  }
  gate.phase = 'held';
  const { statusCode, statusMessage } = response;
  gate.head ??= { status: statusCode, message: statusMessage, isExplicit: false, isWritten: false };
  hold(gate);
  pending.then(
    () => {
      const last = gate.hold!.endHookDue ? askEnd(gate) : undefined;
      if (last === undefined) letGo(gate);
      else void last.then(() => letGo(gate));
    },
    (error: unknown) => answerFailure(gate, error),
  );
  return true;
}

/** Wrappers of `writeHead` (on-headers, compression) decide about headers last, so they are called now. */
function askWrappers(gate: Gate): void {
  gate.phase = 'asked';
  try {
    gate.response.writeHead(gate.response.statusCode);
  } finally {
    gate.phase = 'waiting';
  }
}

/** Calls the hook before the end. Half of the response is already sent, so it ends normally even if the hook fails. */
function askEnd(gate: Gate): Promise<void> | undefined {
  try {
    const pending = gate.hooks.beforeEnd?.(gate.response);
    return pending === undefined ? undefined : pending.then(undefined, () => undefined);
  } catch (error) {
    process.emitWarning(new Error('A hook at the end of a response threw an error.', { cause: error }));
    return undefined;
  }
}

/** If Node refuses a kept call only now, its caller can no longer get the error, so the response ends as a failure. */
function letGo(gate: Gate): void {
  const { hold: held, isSent } = gate;
  try {
    release(gate);
  } catch (error) {
    process.emitWarning(new Error('A response could not be sent as the app wrote it.', { cause: error }));
    if (isSent || gate.response.headersSent) gate.response.destroy();
    else {
      gate.hold = held;
      answerFailure(gate, error);
    }
  }
}
