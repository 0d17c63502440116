import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { GateHooks } from './response-gate-hooks.js';

/**
 * What the gate's functions stand in front of. Found on the response, or on an installed prototype. `Symbol.for`, so
 * that the two builds of this package know each other's responses.
 */
export const BASE: unique symbol = Symbol.for('nestjs-keycard.gate') as never;

/** On a response: its gate, where its request has nothing to carry it. */
const GATE: unique symbol = Symbol.for('nestjs-keycard.own-gate') as never;
/** On a request: what belongs to it, and carries the gate of its response. Shared by the two builds of this package. */
export const REQUEST: unique symbol = Symbol.for('nestjs-keycard.request') as never;

/** What a request's own object has for the gate of its response. */
export interface GateCarrier {
  gate: Gate | undefined;
}

export type WriteCallback = (error?: Error | null) => void;
export type SentData = string | Uint8Array;
export type Send = (
  data: SentData,
  encoding?: BufferEncoding | null,
  callback?: WriteCallback | null,
  byteLength?: number,
) => boolean;

/** The functions of a response that the gate replaces. */
export interface GateBase {
  readonly write: ServerResponse['write'];
  readonly end: ServerResponse['end'];
  readonly _send: Send;
  readonly _finish: () => void;
}

/** The gate of one response. */
export interface Gate {
  readonly response: GatedResponse;
  readonly hooks: GateHooks;
  phase: 'waiting' | 'begun' | 'ended';
  /** There while bytes are held, and from then on when they were replaced by a failure's answer. */
  hold: Hold | undefined;
}

/** One call of `_send` that waits. */
export interface HeldBytes {
  readonly data: SentData;
  readonly encoding: BufferEncoding | null | undefined;
  readonly callback: WriteCallback | null | undefined;
  readonly byteLength: number | undefined;
}

/** What is held of a response. */
export interface Hold {
  queue: HeldBytes[];
  /** What the response's `outputSize` was raised by: `writableLength` and `writableFinished` read right. */
  size: number;
  /** The app has ended the response; `finished` is put back to true with the release. */
  ended: boolean;
  /** The app ended a streamed response while its headers were held: `beforeEnd` is still to be called. */
  endHookDue: boolean;
  /** The failure's answer has taken the place of the app's: what the app still writes goes nowhere. */
  replaced: boolean;
}

/**
 * A ServerResponse with the parts of node:http that the gate works on. They aren't documented, but there in Node 20 to
 * 26 (the specs run on 20, 22, 24 and 26), and on-headers, compression and express-session lean on some of them too.
 * All of a response's own rules (lengths, HEAD, 304, trailers, errors) so stay Node's: only its way to the socket is
 * interrupted.
 */
export type GatedResponse = Omit<ServerResponse, 'finished' | 'req'> & {
  [BASE]?: GateBase;
  [GATE]?: Gate;
  readonly req: IncomingMessage & { [REQUEST]?: GateCarrier };
  /** Status line and headers as text, once they are fixed; `headersSent` reads it. */
  _header: string | null;
  /** Whether that text is on its way. */
  _headerSent: boolean;
  _hasBody: boolean;
  _last: boolean;
  _contentLength: number | null;
  _finish: () => void;
  _flush: () => void;
  _send: Send;
  finished: boolean;
  outputSize: number;
  readonly outputData: { data: SentData; encoding: BufferEncoding; callback: null }[];
  readonly socket: (Socket & { _httpMessage?: unknown }) | null;
};

/**
 * One more property on an object whose prototype was set, as Express does, costs V8 over 1 µs and 1.4 kB (docs/performance.md), and an entry in a weak map costs the garbage
 * collector more. So a request with a session gets one property in all, and its response none.
 */
export function setGate(response: GatedResponse, gate: Gate): void {
  const carrier = response.req?.[REQUEST];
  if (carrier !== undefined && (carrier.gate === undefined || carrier.gate.response === response)) carrier.gate = gate;
  else response[GATE] = gate;
}

/** A request may be handed on with another response, as batch routes do: what its own object carries is the first one's. */
export function gateOf(response: GatedResponse): Gate | undefined {
  const gate = response.req?.[REQUEST]?.gate;
  return gate !== undefined && gate.response === response ? gate : response[GATE];
}
