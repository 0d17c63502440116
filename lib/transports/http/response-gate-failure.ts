import { type ServerResponse, STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http';
import {
  callBase,
  discard,
  dropCallbacks,
  functionIn,
  hasConnection,
  type Gate,
  type GateFailure,
  isHttp2,
  tellDrain,
} from './response-gate-hold.js';

/** Headers of the app's that stay: CORS and Vary, so that the page may read the answer, and the connection's. */
const KEPT = /^(?:access-control-[^:]*|vary|connection|keep-alive|date)$/i;
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
    // Without a connection, as in adapters, the end is all that can be said.
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
    process.emitWarning(new Error('The answer to a failed session save could not be made.', { cause }));
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
