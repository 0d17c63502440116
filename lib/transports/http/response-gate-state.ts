import {
  type IncomingMessage,
  type OutgoingHttpHeader,
  ServerResponse,
  STATUS_CODES,
  validateHeaderName,
  validateHeaderValue,
} from 'node:http';

/** The response in place of the app's. The gate sets framing headers (length, connection). */
export interface GateFailure {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The callbacks of the gate. One object for all responses, or one for each. */
export interface GateHooks {
  /**
   * Called exactly once, before the first byte is sent: at the first `write`, `end` or `flushHeaders`. Headers and
   * status are final; only `addSetCookie` and `addHeader` still change them. Return undefined if there is nothing to
   * wait for: the response continues in the same tick. Until a promise settles, everything is held. A throw counts as a
   * rejection.
   */
  beforeHeaders(res: ServerResponse): void | Promise<void>;
  /**
   * Called at most once, when the app ends a response whose first byte came from an earlier call (a streamed one). A
   * promise delays the end. The hook must report its own failure: the response ends normally.
   */
  beforeEnd?(res: ServerResponse): void | Promise<void>;
  /**
   * The response to send if `beforeHeaders` failed. Of the app's headers only CORS and Vary stay. If the app has not
   * ended its response yet, the connection is closed afterwards.
   */
  failure(res: ServerResponse, error: unknown): GateFailure;
}

export type AnyFunction = (...args: never[]) => unknown;
export type Call = (this: ServerResponse, ...args: unknown[]) => unknown;

/** The functions of a response that the gate replaces. */
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
  /** `asked`: a wrapper of `writeHead` is being asked for its headers. `replaced`: by the response to a failure. */
  phase: 'waiting' | 'asked' | 'held' | 'open' | 'ended' | 'replaced';
  /** Whether the headers can no longer be changed. */
  isSent: boolean;
  /** The status of a `writeHead` that was not passed to Node yet. Its headers are set. */
  head: Head | undefined;
  /** Set from `writeHead` or the hold until the release. */
  lock: Lock | undefined;
  hold: Hold | undefined;
  /** The status at the first byte. An app may set another one later, to no effect. */
  sentStatus: number | undefined;
  /** Bytes of the body so far, if its length is strict. */
  written: number;
}

export interface Head {
  readonly status: number;
  readonly message: string | undefined;
  /** Whether the app called `writeHead` itself. Then Node must not set a length. */
  readonly isExplicit: boolean;
  isWritten: boolean;
}

/** What was there before the members were locked: a prototype, or properties of the response. */
export interface Lock {
  readonly setHeader: ServerResponse['setHeader'];
  readonly prototype: object | undefined;
  readonly own: (PropertyDescriptor | undefined)[];
}

/** What is held of a response. */
export interface Hold {
  readonly calls: { readonly name: Kept; readonly args: readonly unknown[] }[];
  length: number;
  needsDrain: boolean;
  corked: number;
  /** The app has ended the response. */
  ended: boolean;
  /** The app ended a streamed response while its headers were held: `beforeEnd` is still to be called. */
  endHookDue: boolean;
}

export type Kept = 'write' | 'end' | 'flushHeaders' | 'cork' | 'uncork';

const GATE: unique symbol = Symbol.for('nestjs-keycard.own-gate');
/**
 * The property of a request with its `RequestSession`, which also holds the gate of the response. Shared by the two
 * builds of this package.
 */
export const REQUEST: unique symbol = Symbol.for('nestjs-keycard.request');

/** The object of a request that holds the gate of its response. */
export interface GateCarrier {
  gate: Gate | undefined;
}

type Gated = ServerResponse & { req?: IncomingMessage & { [REQUEST]?: GateCarrier }; [GATE]?: Gate };

/**
 * Another property on the response would cost time and memory (docs/performance.md). So the gate is kept on the
 * request's own object, if there is one.
 */
export function setGate(response: Gated, gate: Gate): void {
  const carrier = response.req?.[REQUEST];
  if (carrier !== undefined && (carrier.gate === undefined || carrier.gate.response === response)) carrier.gate = gate;
  else response[GATE] = gate;
}

/** A batch route may use the request with another response. The gate is for the first, and for objects that inherit from it. */
export function gateOf(response: Gated): Gate | undefined {
  const gate = response.req?.[REQUEST]?.gate;
  if (gate === undefined) return response[GATE];
  return gate.response === response || isPrototypeOf.call(gate.response, response) ? gate : response[GATE];
}
const { isPrototypeOf } = Object.prototype;

export function isHttp2(response: ServerResponse): boolean {
  return response.req?.httpVersionMajor >= 2;
}

/** A pipelined response has no connection until its turn comes. */
export function hasConnection({ socket }: ServerResponse): boolean {
  return socket === null || typeof socket?.destroySoon === 'function';
}

export function functionIn(args: readonly unknown[]): AnyFunction | undefined {
  return args.find((arg) => typeof arg === 'function') as AnyFunction | undefined;
}

// --- What Node checks when it is called

/** Makes Node throw its own error, by the same call on a response that is never sent. */
export function refuse(act: (res: ServerResponse) => unknown): never {
  const request = { method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 } as IncomingMessage;
  act(new ServerResponse(request));
  throw new Error('This is not possible after the headers of a response are final.');
}

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

/** Node knows the length only with the headers, so a first write that is too long is accepted. */
function checkLength({ response, head, sentStatus, hold, written: before }: Gate, more: number, isEnd: boolean): void {
  const declared = Number(response.getHeader('Content-Length'));
  const isKnown = isEnd || head !== undefined || (hold !== undefined && hold.calls.length > 0);
  if (
    !isKnown ||
    !hasBody(response, head?.status ?? sentStatus ?? response.statusCode) ||
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

/** @throws what Node throws for trailers of a response that isn't chunked. */
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

/** A write, or an end with a chunk, after the end: emits Node's error. */
export function sayLate({ response }: Gate, callback: AnyFunction | undefined): void {
  const error = Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' });
  process.nextTick(() => {
    callback?.(error as never); // of the app's, so its parameters aren't known
    if (!response.destroyed) response.emit('error', error);
  });
}

// --- Headers

/** Checks the arguments of `writeHead`, in any of its forms, and then sets the headers. */
export function takeHead(response: ServerResponse, args: unknown[], isExplicit: boolean): Gate['head'] {
  const [given, reason, headers] = args as [number, unknown, unknown];
  const status = given | 0;
  if (status < 100 || status > 999) refuse((res) => res.writeHead(given));
  response.statusCode = status;
  const message = typeof reason === 'string' ? reason : undefined;
  if (message !== undefined && /[^\t\x20-\x7e\x80-\xff]/.test(message)) refuse((res) => res.writeHead(status, message));
  // HTTP/2 has no status message, and warns about one.
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

/** Names and values from an object, a flat list or a list of pairs. A name that a list repeats gets all its values. */
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
  if (flat.length % 2 !== 0) refuse((res) => res.writeHead(200, given as never)); // a value that its type excludes
  return Array.from({ length: flat.length / 2 }, (_, n) => [flat[2 * n] as string, flat[2 * n + 1] as string]);
}

/**
 * Adds a Set-Cookie header after the app's own. `res.getHeader('set-cookie')` shows it too.
 *
 * @returns false if the headers were already sent, so the browser will not get this cookie.
 * @throws TypeError (`ERR_INVALID_CHAR`) if the value contains a line break or another forbidden character.
 */
export function addSetCookie(res: ServerResponse, value: string): boolean {
  const present = res.getHeader('Set-Cookie');
  // Make a new list: the present one may be shared by many responses of the app.
  const list = present === undefined ? value : [...(Array.isArray(present) ? present : [String(present)]), value];
  return changeHeader(res, 'Set-Cookie', list);
}

/**
 * Sets a header unless the app has set it.
 *
 * @returns false if the app has set it, or if the headers were already sent.
 * @throws TypeError (`ERR_INVALID_HTTP_TOKEN`, `ERR_INVALID_CHAR`) for a malformed name or value.
 */
export function addHeader(res: ServerResponse, name: string, value: string): boolean {
  return !res.hasHeader(name) && changeHeader(res, name, value);
}

/** Whether a shared cache may store this response. */
export function isCacheable(res: ServerResponse): boolean {
  const said = String(res.getHeader('Cache-Control') ?? '');
  return /\b(?:public|s-maxage|max-age)\b/i.test(said) && !/\b(?:private|no-store|no-cache)\b/i.test(said);
}

/** Allows only the browser's own cache to store the response. */
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
