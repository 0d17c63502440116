import type { ServerResponse } from 'node:http';
import { gatedEnd, gatedFinish, gatedSend, gatedWrite } from './response-gate-functions.js';
import { defineWritableEnded } from './response-gate-hold.js';
import type { GateHooks } from './response-gate-hooks.js';
import { BASE, type GatedResponse, setGate } from './response-gate-internals.js';

export { addHeader, addSetCookie } from './response-gate-headers.js';
export type { GateFailure, GateHooks } from './response-gate-hooks.js';

/**
 * Holds a response back, from its first byte, until the hooks have answered.
 *
 * Node renders headers and body as ever; the gate stands between that and the socket. So `headersSent`, lengths,
 * HEAD, 304, trailers and the errors of misuse are Node's own. `writableEnded` is true from the app's `end` on;
 * the deprecated `res.finished` only once the response was let go.
 *
 * @throws TypeError when the response isn't one of node:http.
 */
export function attachGate(res: ServerResponse, hooks: GateHooks): void {
  const response = res as unknown as GatedResponse;
  if (response[BASE] === undefined) putGate(response);
  // Where its first byte has left, only its end can still be held back.
  const phase = !response._headerSent ? 'waiting' : response.finished ? 'ended' : 'begun';
  setGate(response, { response, hooks, phase, hold: undefined });
}

/** Puts the gate's functions back on a response that has lost them with its prototype, as to another Express app that was called for it. */
export function keepGate(res: ServerResponse): void {
  const response = res as unknown as GatedResponse;
  if (response[BASE] === undefined) putGate(response);
}

/**
 * Puts the gate's functions on a prototype that responses share (Express: `app.response`), so that `attachGate`
 * doesn't put them on each. Without effect where they are already; a response without hooks is let through.
 *
 * @throws TypeError when it isn't a prototype of responses of node:http.
 */
export function installGate(responsePrototype: object): void {
  const target = responsePrototype as GatedResponse;
  if (target[BASE] !== undefined) return;
  putGate(target);
  defineWritableEnded(target);
}

function putGate(target: GatedResponse): void {
  const { write, end, _send, _finish } = target;
  if (typeof _send !== 'function' || typeof _finish !== 'function') {
    throw new TypeError('Sessions need a response of node:http (HTTP/1.1), and this one is of another kind.');
  }
  target[BASE] = { write, end, _send, _finish };
  target.write = gatedWrite as GatedResponse['write'];
  target.end = gatedEnd as unknown as GatedResponse['end'];
  target._send = gatedSend;
  target._finish = gatedFinish;
}
