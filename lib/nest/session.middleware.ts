import type { ServerResponse } from 'node:http';
import { beginSession, coverSession, type SessionRequest } from '../transports/http/lifecycle.js';
import type { SessionManager } from '../session-manager.js';
import { withinRequest } from './current/current-session.js';
import { noteExcluded } from './excluded-requests.js';
import type { RouteMatcher } from './session.routes.js';

type Next = (error?: unknown) => void;

/** The middleware that attaches sessions to requests. */
export function sessionMiddleware(
  manager: SessionManager,
  routes: RouteMatcher,
): (req: SessionRequest, res: ServerResponse, next: Next) => void {
  return (req, res, next) => {
    if (routes.covers(req)) beginSession(manager, req, res, withinRequest(req, next));
    else {
      noteExcluded(req);
      next();
    }
  };
}

/** For Nest's consumer: runs for every request first, then for those that have a session. */
export function coverMiddleware(
  manager: SessionManager,
  isCovered: boolean,
): (req: SessionRequest, res: unknown, next: Next) => void {
  return (req, _res, next) => {
    coverSession(manager, req, isCovered);
    next();
  };
}
