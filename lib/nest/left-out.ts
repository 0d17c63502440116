import type { SessionRequest } from '../transports/http/lifecycle.js';
import { REQUEST } from '../transports/http/response-gate.js';

/** Requests that `forRoutes`, `exclude` or `@SkipSession()` excluded at the mount, so that an error can say so. */
const leftOut = new WeakSet<object>();

/** Whether the route options exclude a request. */
export function isLeftOut(req: SessionRequest): boolean {
  return leftOut.has(req) || req[REQUEST]?.isCovered === false;
}

/** Notes that a request has no session. */
export function leaveOut(req: SessionRequest): void {
  leftOut.add(req);
}
