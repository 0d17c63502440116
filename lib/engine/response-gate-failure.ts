import { ServerResponse, STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http';
import { setListed } from './response-gate-headers.js';
import { discard, tellDrain } from './response-gate-hold.js';
import type { GateFailure } from './response-gate-hooks.js';
import { BASE, type Gate, type GatedResponse, type Hold } from './response-gate-internals.js';

/** Lines of the app's headers that stay: CORS and Vary, so that the page may read the answer, and the connection's. */
const KEPT_LINE = /^(?:access-control-[^:]*|vary|connection|keep-alive|date)$/i;
const CONNECTION = /^(?:connection|keep-alive)$/i;
/** Node's own, whatever stands before it on this response. */
export const NODE_END = ServerResponse.prototype.end as (this: GatedResponse, ...args: unknown[]) => unknown;
/** Headers that the gate writes itself. */
const FRAMING = /^(?:content-length|transfer-encoding|connection|keep-alive|trailer)$/i;

const LAST_RESORT: GateFailure = {
  status: 503,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' },
  body: 'Service Unavailable',
};

/**
 * Drops the app's response, of which no byte has left, and answers with the hooks' failure. Where the app is still at
 * it, the connection is closed after the answer: to the app that is a client that went away, which every stream and
 * every pipeline into a response knows how to end for, while `finish` would tell it that all was sent.
 */
export function answerFailure(response: GatedResponse, gate: Gate, held: Hold, error: unknown): void {
  const answer = failureOf(response, gate, error);
  const appHasEnded = held.ended || response.finished;
  discard(response, gate, held);
  if (response.destroyed || response.socket?.destroyed) return;

  const body = Buffer.from(response.req.method === 'HEAD' ? '' : answer.body);
  if (!appHasEnded) response._last = true;
  rewriteHeaders(response, answer);
  response.chunkedEncoding = false;
  response.strictContentLength = false;
  response._hasBody = true;
  response.finished = false;
  if (appHasEnded) {
    gate.hold = undefined;
    NODE_END.call(response, body);
    gate.hold = held;
  } else {
    response[BASE]!._send.call(response, body, null, () => response.socket?.destroySoon());
    tellDrain(response);
  }
}

function failureOf(response: GatedResponse, gate: Gate, error: unknown): GateFailure {
  try {
    const answer = gate.hooks.failure(response as unknown as ServerResponse, error);
    for (const [name, value] of Object.entries(answer.headers)) {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    }
    return answer;
  } catch (cause) {
    process.emitWarning(new Error('The answer to a failed session save could not be made.', { cause }));
    return LAST_RESORT;
  }
}

function rewriteHeaders(response: GatedResponse, answer: GateFailure): void {
  const lines = (response._header ?? '').split('\r\n').slice(1, -2);
  const isKept = (name: string): boolean => KEPT_LINE.test(name) && !(response._last && CONNECTION.test(name));
  const kept = lines.filter((line) => isKept(line.slice(0, line.indexOf(':'))));
  const status = STATUS_CODES[answer.status] ?? 'Error';
  const headers = Object.entries(answer.headers).filter(([name]) => !FRAMING.test(name));
  headers.push(['Content-Length', String(Buffer.byteLength(answer.body))]);

  for (const name of response.getHeaderNames()) {
    if (!isKept(name)) setListed(response, name, undefined);
  }
  for (const [name, value] of headers) setListed(response, name, value);
  if (response._last) kept.push('Connection: close');
  const own = headers.map(([name, value]) => `${name}: ${value}`);
  response._header = `${[`HTTP/1.1 ${answer.status} ${status}`, ...own, ...kept].join('\r\n')}\r\n\r\n`;
  response.statusCode = answer.status;
  response.statusMessage = status;
}
