import {
  type OutgoingHttpHeader,
  type ServerResponse,
  STATUS_CODES,
  validateHeaderName,
  validateHeaderValue,
} from 'node:http';
import { answerFailure } from './response-gate-failure.js';
import {
  checkChunk,
  checkEnd,
  checkTrailer,
  functionIn,
  type Gate,
  type GatedFunctions,
  type GateHooks,
  gateOf,
  callBase,
  hold,
  isHttp2,
  keep,
  lengthOf,
  lock,
  refuse,
  release,
  sayLate,
  setGate,
} from './response-gate-hold.js';

export { type Gate, type GateCarrier, type GateFailure, type GateHooks, REQUEST } from './response-gate-hold.js';

const NAMES = ['writeHead', 'write', 'end', 'flushHeaders'] as const;

/**
 * Holds a response back, from its first byte, until the hooks have answered. Works on whatever has the documented functions of a
 * `ServerResponse`: of node:http, of HTTP/2's compat API, of an adapter or a mock.
 *
 * While it is held, the calls of the app are kept, and made again in their order at the release. What Node checks at a call is checked at
 * the call, so that errors are thrown where they would be.
 *
 * @throws TypeError where the response has no such functions, or doesn't let them be replaced.
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
    written: 0,
  });
  res.writeHead = gatedWriteHead as never;
  res.write = gatedWrite as never;
  res.end = gatedEnd as never;
  if (base.flushHeaders !== undefined) res.flushHeaders = gatedFlushHeaders;
}

function functionsOf(res: ServerResponse): GatedFunctions {
  const { writeHead, write, end, flushHeaders, setHeader } = res ?? ({} as ServerResponse);
  if (![writeHead, write, end, setHeader].every((each) => typeof each === 'function')) {
    throw new TypeError(
      'Sessions need a response with writeHead(), write(), end() and setHeader() as one of node:http has, and this one is of another kind, so nothing could be held back until the session is saved.',
    );
  }
  if (
    NAMES.some((name) => Object.getOwnPropertyDescriptor(res, name)?.writable === false) ||
    !Object.isExtensible(res)
  ) {
    throw new TypeError(
      'Sessions need a response whose writeHead(), write() and end() can be replaced, and this one is frozen, so nothing could be held back until the session is saved.',
    );
  }
  return { writeHead, write, end, flushHeaders } as unknown as GatedFunctions;
}

/** A response whose gate is gone, as its `req` was replaced, is let through. */
function baseOf(response: ServerResponse, gate: Gate | undefined): GatedFunctions {
  return gate?.base ?? (Object.getPrototypeOf(response) as GatedFunctions);
}

// --- What stands before a response's own functions. Shared by all responses, so no closures: state is found by `this`.

function gatedWriteHead(this: ServerResponse, ...args: unknown[]): unknown {
  const gate = gateOf(this);
  if (gate === undefined || gate.phase === 'open' || gate.phase === 'ended')
    return baseOf(this, gate).writeHead.apply(this, args);
  if (gate.phase === 'replaced' || gate.head !== undefined) refuse((res) => res.writeHead(200).writeHead(200));
  const isAsked = gate.phase === 'asked';
  gate.head = takeHead(this, args, !isAsked);
  lock(gate);
  // There it is the first byte.
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

/** The bytes of the end wait for what the app changed since its first byte to be saved. */
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

/** Its bytes go nowhere. An app that ends for the first time only now is told `finish`, as ever. */
function endReplaced({ response, base }: Gate, args: unknown[]): unknown {
  const callback = functionIn(args);
  if (!response.writableEnded && !response.destroyed) base.end.call(response, callback);
  else if (callback) process.nextTick(callback);
  return response;
}

/** A held response has ended for the app: Node's own answer to a second `end`. */
function endAgain(gate: Gate, args: unknown[]): unknown {
  const callback = functionIn(args);
  if (args[0] && typeof args[0] !== 'function') sayLate(gate, callback);
  else if (callback) gate.response.on('finish', callback);
  return gate.response;
}

// --- Asking the hooks

/** Asks the hook of the headers. True where the response is held from here on. */
function commit(gate: Gate): boolean {
  const { response, hooks } = gate;
  if (gate.head === undefined) {
    if (response.writeHead === gatedWriteHead) checkTrailer(response, response.statusCode);
    else askWrappers(gate);
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

/** Who has put a `writeHead` before ours (on-headers, compression) has the last word on the headers, and says it now. */
function askWrappers(gate: Gate): void {
  gate.phase = 'asked';
  try {
    gate.response.writeHead(gate.response.statusCode);
  } finally {
    gate.phase = 'waiting';
  }
}

/** Asks the hook of the end. Whatever comes of it, the response ends as it was meant: half of it is gone already. */
function askEnd(gate: Gate): Promise<void> | undefined {
  try {
    const pending = gate.hooks.beforeEnd?.(gate.response);
    return pending === undefined ? undefined : pending.then(undefined, () => undefined);
  } catch (error) {
    process.emitWarning(new Error('A hook at the end of a response threw.', { cause: error }));
    return undefined;
  }
}

/** A call that only Node could see to be wrong, and that can no longer be thrown at who made it, ends as a failure. */
function letGo(gate: Gate): void {
  const { hold: held, isSent } = gate;
  try {
    release(gate);
  } catch (error) {
    process.emitWarning(new Error('A response could not be sent as it was meant.', { cause: error }));
    if (isSent || gate.response.headersSent) gate.response.destroy();
    else {
      gate.hold = held;
      answerFailure(gate, error);
    }
  }
}

// --- Headers

/** What the app gave to `writeHead`, checked first and set then, in whatever form it came. */
function takeHead(response: ServerResponse, args: unknown[], isExplicit: boolean): Gate['head'] {
  const [given, reason, headers] = args as [number, unknown, unknown];
  const status = given | 0;
  if (status < 100 || status > 999) refuse((res) => res.writeHead(given));
  response.statusCode = status;
  const message = typeof reason === 'string' ? reason : undefined;
  if (message !== undefined && /[^\t\x20-\x7e\x80-\xff]/.test(message)) refuse((res) => res.writeHead(status, message));
  // HTTP/2 has no such thing, and warns.
  if (!isHttp2(response))
    response.statusMessage = message ?? (response.statusMessage || (STATUS_CODES[status] ?? 'unknown'));
  const list = headersIn(message === undefined ? (headers ?? reason) : headers);
  for (const [name, value] of list) {
    validateHeaderName(name);
    validateHeaderValue(name, value as string);
  }
  for (const [name, value] of list) response.setHeader(name, value);
  checkTrailer(response, status);
  return { status, message: isHttp2(response) ? undefined : response.statusMessage, isExplicit, isWritten: false };
}

/** Names and values of an object, a flat list or a list of pairs. A name that a list repeats has all its values. */
function headersIn(given: unknown): [name: string, value: OutgoingHttpHeader][] {
  if (given === undefined || given === null) return [];
  if (!Array.isArray(given))
    return Object.entries(given as Record<string, OutgoingHttpHeader>).filter(([name]) => name);
  const flat = (Array.isArray(given[0]) ? given.flat() : given) as unknown[];
  const list = Array.isArray(given[0]) ? (given as [string, OutgoingHttpHeader][]) : pairsOf(given, flat);
  const found = new Map<string, [string, OutgoingHttpHeader]>();
  for (const [name, value] of list) {
    const key = String(name).toLowerCase();
    const before = found.get(key);
    found.set(key, [name, before === undefined ? value : ([before[1], value].flat() as string[])]);
  }
  return [...found.values()];
}

function pairsOf(given: unknown, flat: readonly unknown[]): [string, OutgoingHttpHeader][] {
  if (flat.length % 2 !== 0) refuse((res) => res.writeHead(200, given as never));
  return Array.from({ length: flat.length / 2 }, (_, n) => [flat[2 * n] as string, flat[2 * n + 1] as string]);
}

/**
 * Adds a Set-Cookie header after the app's own. `res.getHeader('set-cookie')` shows it too.
 *
 * @returns false when the headers have left already: the browser will not see this cookie.
 * @throws TypeError (`ERR_INVALID_CHAR`) when the value holds a line break or another forbidden character.
 */
export function addSetCookie(res: ServerResponse, value: string): boolean {
  const present = res.getHeader('Set-Cookie');
  // A list of its own: the present one may be the app's, and shared by many responses.
  const list = present === undefined ? value : [...(Array.isArray(present) ? present : [String(present)]), value];
  return changeHeader(res, 'Set-Cookie', list);
}

/**
 * Sets a header that the app hasn't set in any form.
 *
 * @returns false when the app has set it, or when the headers have left already.
 * @throws TypeError (`ERR_INVALID_HTTP_TOKEN`, `ERR_INVALID_CHAR`) on a malformed name or value.
 */
export function addHeader(res: ServerResponse, name: string, value: string): boolean {
  return !res.hasHeader(name) && changeHeader(res, name, value);
}

/** Whether a shared cache may keep this answer and hand it to others. */
export function isCacheable(res: ServerResponse): boolean {
  const said = String(res.getHeader('Cache-Control') ?? '');
  return /\b(?:public|s-maxage|max-age)\b/i.test(said) && !/\b(?:private|no-store|no-cache)\b/i.test(said);
}

/** Leaves the answer to the browser's own cache. */
export function makePrivate(res: ServerResponse): void {
  const said = String(res.getHeader('Cache-Control'))
    .split(',')
    .map((directive) => directive.trim())
    .filter((directive) => !/^(?:public|s-maxage\b.*)$/i.test(directive));
  changeHeader(res, 'Cache-Control', ['private', ...said].join(', '));
}

function changeHeader(res: ServerResponse, name: string, value: string | string[]): boolean {
  const gate = gateOf(res);
  if (gate === undefined ? res.headersSent : gate.isSent) return false;
  (gate?.lock?.setHeader ?? res.setHeader).call(res, name, value);
  return true;
}
