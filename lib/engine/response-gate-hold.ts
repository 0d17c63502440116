import { BASE, type Gate, type GatedResponse, gateOf, type HeldBytes, type Hold } from './response-gate-internals.js';

/** Own property of a held response that isn't made from an installed prototype. */
const WRITABLE_ENDED: PropertyDescriptor = {
  configurable: true,
  enumerable: false,
  get(this: GatedResponse): boolean {
    return this.finished || gateOf(this)?.hold?.ended === true;
  },
};

/** Makes `writableEnded` read true after the app's `end`, held or not. */
export function defineWritableEnded(target: object): void {
  Object.defineProperty(target, 'writableEnded', WRITABLE_ENDED);
}

/** From here on what the response sends is kept, until `release`. */
export function hold(response: GatedResponse, gate: Gate): Hold {
  // Counts as pending even with no byte yet: `writableFinished` stays false, and `end` waits for what is sent.
  const size = response._headerSent ? 1 : (response._header?.length ?? 1);
  const held: Hold = { queue: [], size, ended: false, endHookDue: false, replaced: false };
  response.outputSize += size;
  gate.hold = held;
  if (Object.hasOwn(response, BASE)) defineWritableEnded(response);
  return held;
}

/** In the place of `_send` while held. False, so that whoever feeds the response waits for `drain`. */
export function keep(response: GatedResponse, held: Hold, bytes: HeldBytes): boolean {
  if (held.ended) return false;
  held.queue.push(bytes);
  held.size += bytes.data.length;
  response.outputSize += bytes.data.length;
  return false;
}

/** Ends the hold without a word about what was kept. */
function open(response: GatedResponse, gate: Gate, held: Hold): void {
  gate.hold = undefined;
  response.outputSize = Math.max(0, response.outputSize - held.size);
  if (held.ended) response.finished = true;
}

/** Sends what was kept, in order and in one go; Node's `_send` puts the headers in front. */
export function release(response: GatedResponse, gate: Gate, held: Hold): void {
  open(response, gate, held);
  const { socket } = response;
  if (response.destroyed || socket?.destroyed) {
    dropCallbacks(response, held, new Error('The connection was closed before the response could be sent.'));
    return;
  }
  const { _send } = response[BASE]!;
  socket?.cork();
  for (const { data, encoding, callback, byteLength } of held.queue) {
    _send.call(response, data, encoding, callback, byteLength);
  }
  socket?.uncork();
  // In a pipeline it may not be this response's turn yet: Node then does the rest when it is.
  if (socket?._httpMessage !== response) return;
  if (!response.finished) tellDrain(response);
  else if (response.outputData.length === 0) response._finish();
}

/** Emits `drain` where somebody waits for it and the socket takes more. */
export function tellDrain(response: GatedResponse): void {
  const { socket } = response;
  if (socket?._httpMessage !== response || socket.writableNeedDrain || !response.writableNeedDrain) return;
  // Only Node can clear its mark that somebody waits, and does so when it flushes something.
  response.outputData.push({ data: '', encoding: 'latin1', callback: null });
  response._flush();
}

/** Forgets what was kept, and all that the app still writes; who waits for a write's callback goes on. */
export function discard(response: GatedResponse, gate: Gate, held: Hold): void {
  open(response, gate, held);
  dropCallbacks(response, held);
  held.replaced = true;
  gate.hold = held;
  // What Node itself has buffered in a corked response, it hands over now, to be dropped as well.
  for (let corked = response.writableCorked; corked > 0; corked--) response.uncork();
}

function dropCallbacks(response: GatedResponse, held: Hold, error?: Error): void {
  // The last one of an ended response is Node's own, and would say `finish`.
  const { queue } = held;
  const count = response.finished ? queue.length - 1 : queue.length;
  for (let index = 0; index < count; index++) {
    const callback = queue[index]?.callback;
    if (callback) process.nextTick(callback, error);
  }
  held.queue = [];
}
