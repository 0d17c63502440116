import { hasMethods } from '../common/has-methods.js';
import { SESSION_ID, type SessionRequest } from '../transports/http/lifecycle.js';
import { REQUEST } from '../transports/http/response-gate.js';
import { isWellFormedId } from '../common/session-id.js';
import type { SessionManager } from '../session-manager.js';

/** A request with what Express and cookie-parser add. */
export interface ParsedRequest extends SessionRequest {
  secret?: unknown;
  cookies?: Record<string, unknown>;
  signedCookies?: Record<string, unknown>;
}

/** The id that cookie-parser found, if a cookie was set there that isn't in the header. */
export function parsedId(req: ParsedRequest, manager: SessionManager): string | undefined {
  const { name } = manager.options;
  const signed = req.signedCookies?.[name];
  const raw = req.cookies?.[name];
  const id = isWellFormedId(signed) ? signed : typeof raw === 'string' ? manager.signer.unsign(raw) : undefined;
  if (id !== undefined) manager.notices.warnOnce('parsed', 'cookie should be available in req.headers.cookie');
  return id;
}

/** Read-only, as in express-session. If the id is no string, nothing is saved. */
export const EXPRESS_SESSION_ID: PropertyDescriptor = {
  ...SESSION_ID,
  set(this: SessionRequest, value: unknown) {
    if (typeof value !== 'string') this[REQUEST]?.makeReadOnly();
  },
};

/** Whether a response can be held. Upgrade requests of sockets come with `{}` instead. */
export const hasGate = (res: unknown): boolean => hasMethods(res, 'writeHead', 'end');
