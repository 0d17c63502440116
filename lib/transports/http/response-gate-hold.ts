import { type IncomingMessage, ServerResponse } from 'node:http';

/** The answer in place of the app's response. Framing headers (length, connection) are the gate's. */
export interface GateFailure {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What the gate asks. One object for all responses, or one each. */
export interface GateHooks {
  /**
   * Called exactly once, right before the first byte leaves: at the first `write`, `end` or `flushHeaders`. Headers and status are fixed by
   * then; only `addSetCookie` and `addHeader` still change them. Give undefined when there is nothing to wait for: the response goes on in
   * the same tick. Until a promise settles, everything is held. A throw is a rejection.
   */
  beforeHeaders(res: ServerResponse): void | Promise<void>;
  /**
   * Called at most once, when the app ends a response whose first byte came from an earlier call (a streamed
   * one). A promise holds the end back. A failure is the hook's to report: the response ends as the app meant.
   */
  beforeEnd?(res: ServerResponse): void | Promise<void>;
  /**
   * What to answer when `beforeHeaders` failed. Of the app's headers only CORS and Vary stay. Where the app has not
   * ended its response yet, the connection is closed after the answer.
   */
  failure(res: ServerResponse, error: unknown): GateFailure;
}

type AnyFunction = (...args: never[]) => unknown;
type Call = (this: ServerResponse, ...args: unknown[]) => unknown;

/** The functions of a response that the gate stands before. */
export interface GatedFunctions {
  readonly writeHead: Call;
  readonly write: Call;
  readonly end: Call;
  readonly flushHeaders: Call | undefined;
}

/** The gate of one response. */
export interface Gate {
  readonly response: ServerResponse;
  hooks: GateHooks;
  readonly base: GatedFunctions;
  /** `asked`: who has put a `writeHead` before ours is asked for the headers. `replaced`: by the answer to a failure. */
  phase: 'waiting' | 'asked' | 'held' | 'open' | 'ended' | 'replaced';
  /** Whether the headers are out of reach. */
  isSent: boolean;
  /** Status of a `writeHead` that Node wasn't told yet. Its headers are set. */
  head: Head | undefined;
  /** There from `writeHead` or the hold on, to the release. */
  lock: Lock | undefined;
  hold: Hold | undefined;
  /** Bytes of the body so far, where its length is strict. */
  written: number;
}

interface Head {
  readonly status: number;
  readonly message: string | undefined;
  /** The app's own call: Node must not guess a length then. */
  readonly isExplicit: boolean;
  isWritten: boolean;
}

/** What stood where the locked members are now: a prototype, or properties of the response's own. */
interface Lock {
  readonly setHeader: ServerResponse['setHeader'];
  readonly prototype: object | undefined;
  readonly own: (PropertyDescriptor | undefined)[];
}

/** What is held of a response. */
interface Hold {
  readonly calls: { readonly name: Kept; readonly args: readonly unknown[] }[];
  length: number;
  needsDrain: boolean;
  corked: number;
  /** The app has ended the response. */
  ended: boolean;
  /** The app ended a streamed response while its headers were held: `beforeEnd` is still to be called. */
  endHookDue: boolean;
}

type Kept = 'write' | 'end' | 'flushHeaders' | 'cork' | 'uncork';

const GATE: unique symbol = Symbol.for('nestjs-keycard.own-gate');
/** On a request: what belongs to it, and carries the gate of its response. Shared by the two builds of this package. */
export const REQUEST: unique symbol = Symbol.for('nestjs-keycard.request');

/** What a request's own object has for the gate of its response. */
export interface GateCarrier {
  gate: Gate | undefined;
}

type Gated = ServerResponse & { req?: IncomingMessage & { [REQUEST]?: GateCarrier }; [GATE]?: Gate };

/** One more property costs a request time and memory (docs/performance.md), so the gate is with the request's own object where there is one. */
export function setGate(response: Gated, gate: Gate): void {
  const carrier = response.req?.[REQUEST];
  if (carrier !== undefined && (carrier.gate === undefined || carrier.gate.response === response)) carrier.gate = gate;
  else response[GATE] = gate;
}

/** A request may be handed on with another response, as batch routes do: what its own object carries is the first one's. */
export function gateOf(response: Gated): Gate | undefined {
  const gate = response.req?.[REQUEST]?.gate;
  return gate !== undefined && gate.response === response ? gate : response[GATE];
}

export function isHttp2(response: ServerResponse): boolean {
  return response.req?.httpVersionMajor >= 2;
}

/** A response whose turn in a pipeline is yet to come has none for now. */
export function hasConnection({ socket }: ServerResponse): boolean {
  return socket === null || typeof socket?.destroySoon === 'function';
}

export function functionIn(args: readonly unknown[]): AnyFunction | undefined {
  return args.find((arg) => typeof arg === 'function') as AnyFunction | undefined;
}

// --- What a held response reads as: one that was sent

/** Lets Node make its own error, on a response that nobody gets. */
export function refuse(act: (res: ServerResponse) => unknown): never {
  const request = { method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 } as IncomingMessage;
  act(new ServerResponse(request));
  throw new Error('This call is not possible once the headers of a response are fixed.');
}

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
      beneath(this, gate)[name].call(this);
      return;
    }
    gate.hold.corked += by;
    if (!gate.hold.ended) gate.hold.calls.push({ name, args: [] });
  });
}

const beneath = (response: ServerResponse, gate: Gate): ServerResponse =>
  (gate.lock?.prototype ?? Object.getPrototypeOf(response)) as ServerResponse;

const LOCKED: PropertyDescriptorMap = {
  headersSent: reads(() => true),
  setHeader: says(sent((res) => res.setHeader('a', ''))),
  appendHeader: says(sent((res) => res.appendHeader('a', ''))),
  removeHeader: says(sent((res) => res.removeHeader('a'))),
  writableEnded: {
    configurable: true,
    // An adapter without a connection takes it for the sign to collect the answer.
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
      return gate.hold?.corked ?? (Reflect.get(beneath(this, gate), 'writableCorked', this) as number);
    },
  },
  cork: corks('cork', 1),
  uncork: corks('uncork', -1),
};
const LOCKED_NAMES = Object.keys(LOCKED);

/** A prototype of ours, for all responses of a class: one put between costs a response far less than ten properties. */
const lockedPrototypes = new WeakMap<object, object>();

function lockedPrototype(prototype: object): object {
  let locked = lockedPrototypes.get(prototype);
  if (locked === undefined) lockedPrototypes.set(prototype, (locked = Object.create(prototype, LOCKED) as object));
  return locked;
}

/** From here on the headers can't be changed by the app. */
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
    // An Express app that was called meanwhile has put its own there.
    if (Object.getPrototypeOf(response) === lockedPrototype(lock.prototype))
      Object.setPrototypeOf(response, lock.prototype);
    return;
  }
  for (const [n, name] of LOCKED_NAMES.entries()) {
    const own = lock.own[n];
    if (own === undefined) delete (response as unknown as Record<string, unknown>)[name];
    else Object.defineProperty(response, name, own);
  }
}

// --- What Node checks at the call

/** @throws what Node throws. */
export function checkChunk(gate: Gate, chunk: unknown, encoding: unknown, isEnd = false): void {
  if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) refuse((res) => res.write(chunk));
  const { response } = gate;
  if (response.strictContentLength) checkLength(gate, lengthOf(chunk, encoding), isEnd);
}

/** @throws what Node throws. */
export function checkEnd(gate: Gate, chunk: unknown, encoding: unknown): void {
  if (chunk) checkChunk(gate, chunk, encoding, true);
  else if (gate.response.strictContentLength) checkLength(gate, 0, true);
}

/** Node knows the length once it has the headers, so a first write that is too long is let through. */
function checkLength({ response, head, hold, written: before }: Gate, more: number, isEnd: boolean): void {
  const declared = Number(response.getHeader('Content-Length'));
  const isKnown = isEnd || head !== undefined || (hold !== undefined && hold.calls.length > 0);
  if (
    !isKnown ||
    !hasBody(response, head?.status ?? response.statusCode) ||
    Number.isNaN(declared) ||
    response.hasHeader('Transfer-Encoding')
  )
    return;
  if (isEnd ? before + more === declared : before + more <= declared) return;
  refuse((res) => {
    res.strictContentLength = true;
    res.writeHead(200, { 'Content-Length': declared });
    res.write('x'.repeat(before + more));
    res.end();
  });
}

function hasBody(response: ServerResponse, status: number): boolean {
  return response.req?.method !== 'HEAD' && status >= 200 && status !== 204 && status !== 304;
}

/** @throws what Node throws for trailers of an answer that isn't sent in chunks. */
export function checkTrailer(response: ServerResponse, status: number): void {
  if (!response.hasHeader('Trailer') || isHttp2(response)) return;
  if (hasBody(response, status) && !response.hasHeader('Content-Length') && response.useChunkedEncodingByDefault)
    return;
  refuse((res) => res.writeHead(204, { Trailer: 'a' }));
}

export function lengthOf(chunk: unknown, encoding: unknown): number {
  if (typeof chunk === 'string')
    return Buffer.byteLength(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
  return chunk instanceof Uint8Array ? chunk.byteLength : 0;
}

/** A write, or an end with a chunk, after the end. */
export function sayLate({ response }: Gate, callback: AnyFunction | undefined): void {
  const error = Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' });
  process.nextTick(() => {
    callback?.(error as never);
    if (!response.destroyed) response.emit('error', error);
  });
}

// --- Holding and letting go

/** From here on what the app does to the response is kept, until `release`. */
export function hold(gate: Gate): Hold {
  const { response } = gate;
  const corked = response.writableCorked ?? 0;
  gate.hold = { calls: [], length: 0, needsDrain: false, corked, ended: false, endHookDue: false };
  lock(gate);
  return gate.hold;
}

/** False once as much waits as Node lets wait, so that whoever feeds the response waits for `drain`. */
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

/** Makes the app's calls again, in their order. */
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
    // From Node 22 on it would send the last chunk before what is corked.
    for (; name === 'end' && held!.corked > 0; held!.corked -= 1) response.uncork();
    if (callBase(gate, name, args) === false && name === 'write') isFull = true;
  }
  if (held?.needsDrain && !held.ended && !isFull) tellDrain(response);
}

/** As Node does: later, so that nothing is thrown at who has written. */
export function tellDrain(response: ServerResponse): void {
  process.nextTick(() => {
    if (!response.destroyed) response.emit('drain');
  });
}

/** Calls what is behind the gate. Whoever has put a `writeHead` before ours was asked already: what Node now calls is the one behind. */
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
  response.writeHead = told as never;
  try {
    return call.apply(response, args as unknown[]);
  } finally {
    response.writeHead = outer;
  }
}

/** Calls what waits for writes that will not take place. */
export function dropCallbacks(held: Hold): void {
  for (const { name, args } of held.calls) {
    const callback = functionIn(args);
    // That of an end would say `finish`.
    if (callback !== undefined && name !== 'end') process.nextTick(callback);
  }
}

/** Forgets what was kept, and all that the app still writes; who waits for a write goes on. */
export function discard(gate: Gate): Hold {
  const held = gate.hold!;
  unlock(gate);
  gate.lock = undefined;
  gate.hold = undefined;
  gate.isSent = true;
  gate.phase = 'open';
  return held;
}
