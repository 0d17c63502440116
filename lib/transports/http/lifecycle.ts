import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestFacts } from './request-origin.js';
import type { RequestServices } from './request-services.js';
import { RequestSession } from './request-session.js';
import { attachGate, type GateHooks, REQUEST } from './response-gate.js';
import { coreOf } from '../../session/session-surface.js';
import { show } from '../../common/duration.js';

/** A request that has come past the lifecycle middleware. */
export interface SessionRequest extends IncomingMessage {
  [REQUEST]?: RequestSession;
  originalUrl?: string;
}

type Next = (error?: unknown) => void;

/** The session of a request, where its route has one. */
export function sessionOf(req: SessionRequest): RequestSession | undefined {
  const session = req[REQUEST];
  return session?.isCovered === false ? undefined : session;
}

/** One descriptor each for all requests: no closure is made for one. */
export const SESSION: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: SessionRequest) {
    const request = sessionOf(this);
    return request?.session ?? request?.unsetAs;
  },
  set(this: SessionRequest, value: unknown) {
    const request = sessionOf(this);
    if (request === undefined) return;
    if (value === null || value === undefined || value === false) request.unsetSession(value);
    else if (typeof value !== 'object' || coreOf(value)?.host !== request) {
      throw new TypeError(
        `req.session got ${show(value)}; it takes null, to end it. Change the session's own keys, or use regenerate().`,
      );
    }
  },
};
export const SESSION_ID: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: SessionRequest) {
    return sessionOf(this)?.id;
  },
};
const SESSION_STORE: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: SessionRequest) {
    return sessionOf(this)?.services.requestStore;
  },
};

/**
 * Gives the request its session and the response its gate, and goes on when the session is read. A store that fails is told where the
 * session is asked for, so that what comes after (CORS, other headers) is there by then.
 */
export function beginSession(
  manager: RequestServices,
  facts: RequestFacts,
  req: SessionRequest,
  res: ServerResponse,
  next: Next,
): void {
  // Mounted twice, or an outer app has one: the first counts.
  if (req[REQUEST] !== undefined || !isUnderPath(manager.options.cookie.path, req.originalUrl ?? req.url)) {
    next();
    return;
  }
  startSession(manager, facts, req, res, SESSION_ID).begin(next);
}

/** Puts a session on a request, and a gate on the response where there is one that can carry a cookie. It is yet to `begin`. */
export function startSession(
  manager: RequestServices,
  facts: RequestFacts,
  req: SessionRequest,
  res: ServerResponse | undefined,
  sessionId: PropertyDescriptor,
): RequestSession {
  const session = new RequestSession(manager, facts, req, res);
  const putAside = req[REQUEST];
  // Deleting it is seen by the property that is about to be there again.
  putAside?.unsetSession();
  session.gate = putAside?.gate;
  req[REQUEST] = session;
  defineOn(req, sessionId);
  const { load, unset } = manager.options;
  // What nobody has asked for needs no gate, unless `delete req.session` is to be heard.
  if (res === undefined || (load === 'lazy' && unset !== 'destroy')) return session;
  attachGate(res, putAside === undefined ? session : oneAfterTheOther(putAside, session));
  return session;
}

/** Whether the route of a request has a session, once that is known. */
export function coverSession(manager: RequestServices, req: SessionRequest, isCovered: boolean): void {
  const session = req[REQUEST];
  // Another app of the same Express may have begun it.
  if (session?.services === manager) session.isCovered = isCovered;
}

/** The response of a request whose session was put aside, and that was given another. */
function oneAfterTheOther(first: RequestSession, second: RequestSession): GateHooks {
  return {
    beforeHeaders: () => first.beforeHeaders()?.then(() => second.beforeHeaders()) ?? second.beforeHeaders(),
    beforeEnd: () => second.beforeEnd(),
    failure: (res, error) => second.failure(res, error),
  };
}

function defineOn(target: object, sessionId: PropertyDescriptor): void {
  Object.defineProperty(target, 'session', SESSION);
  Object.defineProperty(target, 'sessionID', sessionId);
  Object.defineProperty(target, 'sessionStore', SESSION_STORE);
}

/** RFC 6265bis 5.1.4: `/foo` covers `/foo` and `/foo/bar`, not `/foobar`. */
export function isUnderPath(path: string | null | undefined, url: string | undefined): boolean {
  if (!path || path === '/') return true;
  const query = url?.indexOf('?') ?? -1;
  const target = (query === -1 ? url : url!.slice(0, query)) ?? '/';
  // A proxy may be asked for the whole URL.
  const asked = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/]*/i, '');
  return asked === path || (asked.startsWith(path) && (path.endsWith('/') || asked[path.length] === '/'));
}
