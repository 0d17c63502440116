import type { SessionRequest } from '../transports/http/lifecycle.js';
import { REQUEST } from '../transports/http/response-gate.js';

/** Requests that `forRoutes`, `exclude` or `@SkipSession()` excluded at the mount, so that an error can say so. */
const excluded = new WeakSet<object>();

/** Whether the route options exclude a request. */
export function isExcluded(req: SessionRequest): boolean {
  return excluded.has(req) || req[REQUEST]?.isCovered === false;
}

/** Notes that a request has no session. */
export function noteExcluded(req: SessionRequest): void {
  excluded.add(req);
}
