import { type ServerResponse, STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http';
import {
  type AnyFunction,
  type Call,
  functionIn,
  type Gate,
  type GateFailure,
  gateOf,
  hasConnection,
  type Hold,
  isHttp2,
  type Kept,
  lengthOf,
  refuse,
} from './response-gate-state.js';

// --- A held response appears to have been sent

const sent = (act: (res: ServerResponse) => unknown) => () =>
  refuse((res) => {
    res.writeHead(200);
    act(res);
  });
const reads = (get: (hold: Hold | undefined) => unknown) => ({
  configurable: true,
  get(this: ServerResponse) {
    return get(gateOf(this)?.hold);
  },
});
const says = (value: AnyFunction) => ({ configurable: true, writable: true, value });
function corks(name: 'cork' | 'uncork', by: number) {
  return says(function corked(this: ServerResponse): void {
    const gate = gateOf(this)!;
    if (gate.hold === undefined) {
      beneath(gate)[name].call(this);
      return;
    }
    gate.hold.corked += by;
    if (!gate.hold.ended) gate.hold.calls.push({ name, args: [] });
  });
}

/** The object with the functions that ours stand in front of. */
const beneath = ({ lock, response }: Gate): ServerResponse =>
  (lock?.prototype ?? Object.getPrototypeOf(response)) as ServerResponse;

const LOCKED: PropertyDescriptorMap = {
  headersSent: reads(() => true),
  setHeader: says(sent((res) => res.setHeader('a', ''))),
  appendHeader: says(sent((res) => res.appendHeader('a', ''))),
  removeHeader: says(sent((res) => res.removeHeader('a'))),
  writableEnded: {
    configurable: true,
    // Adapters without a connection collect the response when this is true.
    get(this: ServerResponse) {
      return gateOf(this)?.hold?.ended === true && hasConnection(this);
    },
  },
  writableLength: reads((hold) => hold?.length ?? 0),
  writableNeedDrain: reads((hold) => hold?.needsDrain === true),
  writableCorked: {
    configurable: true,
    get(this: ServerResponse) {
      const gate = gateOf(this)!;
      return gate.hold?.corked ?? (Reflect.get(beneath(gate), 'writableCorked', this) as number);
    },
  },
  cork: corks('cork', 1),
  uncork: corks('uncork', -1),
};
const LOCKED_NAMES = Object.keys(LOCKED);

/**
 * A prototype of ours for all responses of a class. Inserting it is much faster than defining ten properties on each
 * response.
 */
const lockedPrototypes = new WeakMap<object, object>();

function lockedPrototype(prototype: object): object {
  let locked = lockedPrototypes.get(prototype);
  if (locked === undefined) lockedPrototypes.set(prototype, (locked = Object.create(prototype, LOCKED) as object));
  return locked;
}

/** From now on the app can't change the headers. */
export function lock(gate: Gate): void {
  if (gate.lock !== undefined) return;
  const { response } = gate;
  const { setHeader } = response;
  if (LOCKED_NAMES.some((name) => Object.hasOwn(response, name))) {
    const own = LOCKED_NAMES.map((name) => Object.getOwnPropertyDescriptor(response, name));
    gate.lock = { setHeader, prototype: undefined, own };
    Object.defineProperties(response, LOCKED);
  } else {
    const prototype = Object.getPrototypeOf(response) as object;
    gate.lock = { setHeader, prototype, own: [] };
    Object.setPrototypeOf(response, lockedPrototype(prototype));
  }
}

function unlock({ response, lock }: Gate): void {
  if (lock === undefined) return;
  if (lock.prototype !== undefined) {
    // An Express app that was called meanwhile has set its own prototype.
    if (Object.getPrototypeOf(response) === lockedPrototype(lock.prototype))
      Object.setPrototypeOf(response, lock.prototype);
    return;
  }
  for (const [n, name] of LOCKED_NAMES.entries()) {
    const own = lock.own[n];
    if (own === undefined) Reflect.deleteProperty(response, name);
    else Object.defineProperty(response, name, own);
  }
}

// --- Holding and releasing

/** From now on the app's calls are kept, until `release`. */
export function hold(gate: Gate): Hold {
  const { response } = gate;
  const corked = response.writableCorked ?? 0;
  gate.hold = { calls: [], length: 0, needsDrain: false, corked, ended: false, endHookDue: false };
  lock(gate);
  return gate.hold;
}

/** Returns `false` when as much is kept as Node buffers, so that the writer waits for `drain`. */
export function keep(gate: Gate, name: Kept, args: readonly unknown[]): boolean {
  const held = gate.hold!;
  held.calls.push({ name, args });
  const length = lengthOf(args[0], args[1]);
  held.length += length;
  gate.written += length;
  if (name === 'end') held.ended = true;
  const isEnough = held.length >= (gate.response.writableHighWaterMark ?? 16_384);
  held.needsDrain ||= isEnough;
  return !isEnough;
}

/** Repeats the app's calls in their order. */
export function release(gate: Gate): void {
  const { response, hold: held } = gate;
  unlock(gate);
  gate.lock = undefined;
  gate.hold = undefined;
  gate.isSent = true;
  gate.phase = held?.ended ? 'ended' : 'open';
  if (gate.head?.isExplicit && !gate.head.isWritten) callBase(gate, 'writeHead', [gate.head.status]);
  let isFull = false;
  for (const { name, args } of held?.calls ?? []) {
    // From Node 22 on, it would send the last chunk before the corked ones.
    for (; name === 'end' && held!.corked > 0; held!.corked -= 1) response.uncork();
    if (callBase(gate, name, args) === false && name === 'write') isFull = true;
  }
  if (held?.needsDrain && !held.ended && !isFull) tellDrain(response);
}

/** Emitted later, as Node does, so that the writer's call can't throw. */
export function tellDrain(response: ServerResponse): void {
  process.nextTick(() => {
    if (!response.destroyed) response.emit('drain');
  });
}

/**
 * Calls the response's own function. A wrapper of `writeHead` (on-headers) was already asked, so Node's call goes to
 * the function behind it.
 */
export function callBase(gate: Gate, name: Kept | 'writeHead', args: readonly unknown[]): unknown {
  const { response, base, head } = gate;
  const call = (name === 'cork' || name === 'uncork' ? response[name] : base[name]) as Call;
  if (head === undefined || head.isWritten) return call.apply(response, args as unknown[]);
  const outer = response.writeHead;
  const told = (): unknown => {
    head.isWritten = true;
    response.writeHead = outer;
    return base.writeHead.apply(response, head.message === undefined ? [head.status] : [head.status, head.message]);
  };
  if (name === 'writeHead') return told();
  (response as { writeHead: unknown }).writeHead = told;
  try {
    return call.apply(response, args as unknown[]);
  } finally {
    response.writeHead = outer;
  }
}

/** Calls the callbacks of writes that will not happen. */
export function dropCallbacks(held: Hold): void {
  for (const { name, args } of held.calls) {
    const callback = functionIn(args);
    // The callback of `end` would emit `finish`.
    if (callback !== undefined && name !== 'end') process.nextTick(callback);
  }
}

/** Drops the kept calls and all later ones. Their callbacks are called, so that no writer waits. */
export function discard(gate: Gate): Hold {
  const held = gate.hold!;
  unlock(gate);
  gate.lock = undefined;
  gate.hold = undefined;
  gate.isSent = true;
  gate.phase = 'open';
  return held;
}

// --- The response to a failure

/** The app's headers that stay: CORS and Vary, so that the page may read the response, and those of the connection. */
const KEPT = /^(?:access-control-[^:]*|vary|connection|keep-alive|date)$/i;
/** Headers that the gate sets itself. */
const FRAMING = /^(?:content-length|transfer-encoding|connection|keep-alive|trailer)$/i;

const LAST_RESORT: GateFailure = {
  status: 503,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' },
  body: 'Service Unavailable',
};

/**
 * Drops the app's response, of which no byte was sent, and sends the hooks' failure instead. If the app hasn't ended
 * its response yet, the connection is closed afterwards. For the app that is a client that disconnected, which every
 * stream and pipeline handles; `finish` would mean that everything was sent.
 */
export function answerFailure(gate: Gate, error: unknown): void {
  const { response, base } = gate;
  const answer = failureOf(gate, error);
  const held = discard(gate);
  dropCallbacks(held);
  const end = (...args: unknown[]): unknown => callBase(gate, 'end', args);
  if (response.destroyed) {
    if (held.ended) end();
  } else {
    while (response.writableCorked > 0) response.uncork();
    const closes = !held.ended && !isHttp2(response);
    rewriteHeaders(response, answer, closes);
    const message = isHttp2(response) ? undefined : (STATUS_CODES[answer.status] ?? 'Error');
    gate.head = { status: answer.status, message, isExplicit: true, isWritten: false };
    callBase(gate, 'writeHead', []);
    const { body } = answer;
    if (held.ended) end(body, functionIn(held.calls.at(-1)!.args));
    // Without a connection (adapters), the response can only be ended.
    else if (!closes || response.req?.method === 'HEAD' || !hasConnection(response)) end(body);
    else base.write.call(response, body, 'utf8', () => closeAfter(response));
    if (held.needsDrain && !held.ended) tellDrain(response);
  }
  gate.phase = held.ended ? 'ended' : 'replaced';
}

function closeAfter(response: ServerResponse): void {
  const { socket } = response;
  if (socket === null || socket.destroyed) response.destroy();
  else socket.end(() => response.destroy());
}

function failureOf({ response, hooks }: Gate, error: unknown): GateFailure {
  try {
    const answer = hooks.failure(response, error);
    for (const [name, value] of Object.entries(answer.headers)) {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    }
    return answer;
  } catch (cause) {
    process.emitWarning(new Error('The response to a failed session save could not be sent.', { cause }));
    return LAST_RESORT;
  }
}

function rewriteHeaders(response: ServerResponse, answer: GateFailure, closes: boolean): void {
  for (const name of response.getHeaderNames()) if (!KEPT.test(name)) response.removeHeader(name);
  for (const [name, value] of Object.entries(answer.headers)) if (!FRAMING.test(name)) response.setHeader(name, value);
  response.setHeader('Content-Length', String(Buffer.byteLength(answer.body)));
  if (!closes) return;
  response.removeHeader('Keep-Alive');
  response.setHeader('Connection', 'close');
}
