import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { RequestServices } from './request-services.js';
import { RequestSession } from './request-session.js';
import { attachGate, type GateHooks, REQUEST, standIn } from './response-gate.js';
import { coreOf } from '../../session/session-surface.js';
import { show } from '../../common/duration.js';

/** A request that the session middleware has seen. */
export interface SessionRequest extends IncomingMessage {
  [REQUEST]?: RequestSession | undefined;
  originalUrl?: string;
}

type Next = (error?: unknown) => void;

/** The session of a request, if its route has one. */
export function sessionOf(req: SessionRequest): RequestSession | undefined {
  const session = req[REQUEST];
  return session?.isCovered === false ? undefined : session;
}

/** One property descriptor for all requests, so that none needs its own closures. */
export const SESSION: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: SessionRequest) {
    const request = sessionOf(this);
    return request?.session ?? request?.unsetAs;
  },
  set(this: SessionRequest, value: unknown) {
    const request = sessionOf(this);
    if (request === undefined) giveAway(this, 'session', value);
    else if (value === null || value === undefined || value === false) request.unsetSession(value);
    else if (typeof value !== 'object' || coreOf(value)?.host !== request) {
      throw new TypeError(
        `req.session got ${show(value)}; only null can be assigned, which ends it. Change the session's own keys, or call regenerate().`,
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
  set: settable('sessionID'),
};
const SESSION_STORE: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: SessionRequest) {
    return sessionOf(this)?.services.requestStore;
  },
  set: settable('sessionStore'),
};

/** On a route without a session, another library may have these properties. */
function giveAway(req: SessionRequest, name: string, value: unknown): void {
  Object.defineProperty(req, name, { value, configurable: true, enumerable: true, writable: true });
}

function settable(name: string) {
  return function set(this: SessionRequest, value: unknown): void {
    if (sessionOf(this) !== undefined)
      throw new TypeError(`req.${name} got ${show(value)}; it is read-only, as it belongs to the session.`);
    giveAway(this, name, value);
  };
}

/**
 * Attaches a session to the request and a gate to the response, and calls `next` when the session is read. If the store
 * failed, accessing `req.session` throws. So middleware that runs before (CORS, other headers) still works.
 */
export function beginSession(manager: RequestServices, req: SessionRequest, res: ServerResponse, next: Next): void {
  // Mounted twice, or nested in an app that has sessions: the first one counts.
  if (req[REQUEST] !== undefined || !isUnderPath(manager.options.cookie.path, req.originalUrl ?? req.url)) {
    next();
    return;
  }
  startSession(manager, req, res, SESSION_ID).begin(next);
}

/**
 * Attaches a session to the request, and a gate to the response if it can set a cookie. Reading it is left to `begin`.
 */
export function startSession(
  manager: RequestServices,
  req: SessionRequest,
  res: ServerResponse | undefined,
  sessionId: PropertyDescriptor,
): RequestSession {
  const session = new RequestSession(manager, req, res);
  const putAside = req[REQUEST];
  if (sessionId !== SESSION_ID || !isDefined(req)) defineOn(req, sessionId);
  // The property is defined again below, and would otherwise hide the deletion.
  putAside?.unsetSession();
  session.gate = putAside?.gate;
  req[REQUEST] = session;
  const { load, unset } = manager.options;
  // A lazy session needs no gate until it is opened, unless `delete req.session` has to be noticed.
  if (res === undefined || (load === 'lazy' && unset !== 'destroy')) return session;
  attachGate(res, putAside === undefined ? session : oneAfterTheOther(putAside, session));
  return session;
}

/** Notes whether the route of a request has a session, once that is known. */
export function coverSession(manager: RequestServices, req: SessionRequest, isCovered: boolean): void {
  const session = req[REQUEST];
  // Another app within the same Express app may have attached the session.
  if (session?.services === manager) session.isCovered = isCovered;
}

/** The gate hooks of a request whose session was replaced by another middleware's. */
function oneAfterTheOther(first: RequestSession, second: RequestSession): GateHooks {
  return {
    beforeHeaders: () => first.beforeHeaders()?.then(() => second.beforeHeaders()) ?? second.beforeHeaders(),
    beforeEnd: () => second.beforeEnd(),
    failure: (res, error) => second.failure(res, error),
  };
}

const NAMES = [REQUEST, 'session', 'sessionID', 'sessionStore'] as const;

function defineOn(req: object, sessionId: PropertyDescriptor): void {
  Object.defineProperty(req, 'session', SESSION);
  Object.defineProperty(req, 'sessionID', sessionId);
  Object.defineProperty(req, 'sessionStore', SESSION_STORE);
}

/** Whether `defineEarly` has run and nothing was assigned since: defining again would cost the request its hidden class. */
function isDefined(req: SessionRequest & { sessionID?: unknown; sessionStore?: unknown }): boolean {
  return (
    Object.getOwnPropertyDescriptor(req, 'session')?.get === SESSION.get &&
    req.sessionID === undefined &&
    req.sessionStore === undefined
  );
}

/**
 * Defines a session's properties on each request and response of a server before Express sets their prototypes. Up to
 * Node 22, V8 gives an object its own hidden class for each property that is added after that, which made up half the
 * cost of a session. Until a session begins, the properties are `undefined` and can be assigned.
 *
 * @returns a function that stops it.
 */
export function defineEarly(server: Server): () => void {
  server.prependListener('request', reserve);
  return () => void server.removeListener('request', reserve);
}

/** One function for all servers, so that apps on the same server can each remove theirs. */
function reserve(req: SessionRequest, res: ServerResponse): void {
  // Another listener has defined its own, or the event is emitted again for a request that has its session.
  if (NAMES.some((name) => Object.hasOwn(req, name))) return;
  defineOn(req, SESSION_ID);
  // The value comes with the session.
  req[REQUEST] = undefined;
  standIn(res);
}

/** RFC 6265bis 5.1.4: `/foo` covers `/foo` and `/foo/bar`, not `/foobar`. */
export function isUnderPath(path: string | null | undefined, url: string | undefined): boolean {
  if (!path || path === '/') return true;
  const query = url?.indexOf('?') ?? -1;
  const target = (query === -1 ? url : url!.slice(0, query)) ?? '/';
  // A request to a proxy may contain the whole URL.
  const asked = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/]*/i, '');
  return asked === path || (asked.startsWith(path) && (path.endsWith('/') || asked[path.length] === '/'));
}
