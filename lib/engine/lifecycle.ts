import type { IncomingMessage, ServerResponse } from 'node:http';
import { RequestSession, type RequestFacts } from './request-session.js';
import { attachGate } from './response-gate.js';
import type { SessionManager } from './session-manager.js';
import { coreOf } from './session-surface.js';
import { show } from './duration.js';

/** On a request: its session. Shared by the two builds of this package. */
export const REQUEST: unique symbol = Symbol.for('nestjs-keycard.request') as never;

/** A request that has come past the lifecycle middleware. */
export interface SessionRequest extends IncomingMessage {
  [REQUEST]?: RequestSession;
  originalUrl?: string;
}

type Next = (error?: unknown) => void;

/** One descriptor each for all requests: no closure is made for one. */
const SESSION: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: SessionRequest) {
    return this[REQUEST]?.session;
  },
  set(this: SessionRequest, value: unknown) {
    const request = this[REQUEST];
    if (request === undefined) return;
    if (value === null || value === undefined || value === false) request.unsetSession();
    else if (typeof value !== 'object' || coreOf(value)?.host !== request) {
      throw new TypeError(`req.session got ${show(value)}; it takes null, to end it. Change the session's own keys, or use regenerate().`);
    }
  },
};
const SESSION_ID: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: SessionRequest) {
    return this[REQUEST]?.id;
  },
};
const SESSION_STORE: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: SessionRequest) {
    return this[REQUEST]?.manager.requestStore;
  },
};

/**
 * Gives the request its session and the response its gate, and goes on when the session is read. A store that fails is told where the
 * session is asked for, so that what comes after (CORS, other headers) is there by then.
 */
export function beginSession(manager: SessionManager, facts: RequestFacts, req: SessionRequest, res: ServerResponse, next: Next): void {
  // Mounted twice, or an outer app has one: the first counts.
  if (req[REQUEST] !== undefined || !isUnderPath(manager.options.cookie.path, req.originalUrl ?? req.url)) {
    next();
    return;
  }
  const session = new RequestSession(manager, facts, req, res);
  req[REQUEST] = session;
  Object.defineProperty(req, 'session', SESSION);
  Object.defineProperty(req, 'sessionID', SESSION_ID);
  Object.defineProperty(req, 'sessionStore', SESSION_STORE);
  attachGate(res, session);
  const reading = session.begin();
  if (reading === undefined) next();
  else reading.then(next as () => void, next);
}

/** RFC 6265bis 5.1.4: `/foo` covers `/foo` and `/foo/bar`, not `/foobar`. */
export function isUnderPath(path: string | undefined, url: string | undefined): boolean {
  if (path === undefined || path === '/' || path === '') return true;
  const query = url?.indexOf('?') ?? -1;
  const asked = (query === -1 ? url : url!.slice(0, query)) ?? '/';
  return asked === path || (asked.startsWith(path) && (path.endsWith('/') || asked[path.length] === '/'));
}
