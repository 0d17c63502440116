import { ServerResponse, STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http';
import { setListed } from './response-gate-headers.js';
import { discard } from './response-gate-hold.js';
import type { GateFailure } from './response-gate-hooks.js';
import type { Gate, GatedResponse, Hold } from './response-gate-internals.js';

/** Lines of the app's headers that stay: CORS and Vary, so that the page may read the answer, and the connection's. */
const KEPT_LINE = /^(?:access-control-[^:]*|vary|connection|keep-alive|date)$/i;
/** Headers that the gate writes itself. */
const FRAMING = /^(?:content-length|transfer-encoding|connection|keep-alive|trailer)$/i;

const LAST_RESORT: GateFailure = {
  status: 503,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' },
  body: 'Service Unavailable',
};

/** Drops the app's response, of which no byte has left, and answers with the hooks' failure. */
export function answerFailure(response: GatedResponse, gate: Gate, held: Hold, error: unknown): void {
  const answer = failureOf(response, gate, error);
  const appHasEnded = held.ended || response.finished;
  const awaited = response.writableNeedDrain;
  discard(response, gate, held);
  held.replaced = true;
  gate.hold = held;
  if (response.destroyed || response.socket?.destroyed) return;

  const body = response.req.method === 'HEAD' ? '' : answer.body;
  rewriteHeaders(response, answer);
  response.chunkedEncoding = false;
  response.strictContentLength = false;
  response._hasBody = true;
  response.finished = false;
  // Some code may write past the gate (a library that took `write` before it was there), and would crash the process.
  if (!appHasEnded) response.on('error', ignoreLateWrite);
  ServerResponse.prototype.end.call(response as unknown as ServerResponse, Buffer.from(body), 'utf8');
  if (awaited) response.emit('drain');
}

function ignoreLateWrite(this: GatedResponse, error: NodeJS.ErrnoException): void {
  if (error.code !== 'ERR_STREAM_WRITE_AFTER_END' && this.listenerCount('error') === 1) throw error;
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
  const kept = lines.filter((line) => KEPT_LINE.test(line.slice(0, line.indexOf(':'))));
  const status = STATUS_CODES[answer.status] ?? 'Error';
  const headers = Object.entries(answer.headers).filter(([name]) => !FRAMING.test(name));
  headers.push(['Content-Length', String(Buffer.byteLength(answer.body))]);

  for (const name of response.getHeaderNames()) {
    if (!KEPT_LINE.test(name)) setListed(response, name, undefined);
  }
  for (const [name, value] of headers) setListed(response, name, value);
  const own = headers.map(([name, value]) => `${name}: ${value}`);
  response._header = `${[`HTTP/1.1 ${answer.status} ${status}`, ...own, ...kept].join('\r\n')}\r\n\r\n`;
  response.statusCode = answer.status;
  response.statusMessage = status;
}
