import type { IncomingMessage } from 'node:http';
import type { RequestServices } from '../http/request-services.js';
import { type SocketLimits, SocketSession } from './socket-session.js';

/** Whose pages may connect: origins such as `'https://app.example.com'`, or a function. */
export type AllowedOrigins = readonly string[] | ((origin: string, request: IncomingMessage) => boolean);

/** What is asked of a client before it is connected. */
export interface HandshakeRules extends SocketLimits {
  /** `undefined`: those of the same host. */
  readonly origins: AllowedOrigins | undefined;
  readonly requireSession: boolean;
}

/** Why a client is not connected, as HTTP says it. */
export interface HandshakeRefusal {
  readonly statusCode: 401 | 403 | 503;
  readonly message: string;
}

const handshakes = new WeakMap<IncomingMessage, SocketSession>();

/** The session of a connection, by the request that began it. */
export const handshakeOf = (request: IncomingMessage): SocketSession | undefined => handshakes.get(request);

/** Checks where a client comes from and reads its cookie, once for each request. */
export async function shakeHands(
  services: RequestServices,
  rules: HandshakeRules,
  request: IncomingMessage,
): Promise<HandshakeRefusal | undefined> {
  if (handshakes.has(request)) return undefined;
  if (!isFromAllowedOrigin(request, rules.origins))
    return { statusCode: 403, message: 'Pages of this origin may not connect ("origins" of withSessions).' };
  const session = new SocketSession(services, rules);
  const outcome = await session.begin(request);
  if (rules.requireSession && outcome !== 'found')
    return outcome === 'failed'
      ? { statusCode: 503, message: 'The session store is not available. Please try again.' }
      : { statusCode: 401, message: 'Please log in.' };
  handshakes.set(request, session);
  return undefined;
}

/**
 * Browsers send cookies with a WebSocket handshake whatever page asks for it, and always say which (ASVS 4.4.2). What is no browser need not
 * say it: it has no cookies of somebody else's.
 */
function isFromAllowedOrigin(request: IncomingMessage, allowed: AllowedOrigins | undefined): boolean {
  const { origin, host } = request.headers;
  if (origin === undefined) return true;
  if (typeof allowed === 'function') return allowed(origin, request) === true;
  if (allowed !== undefined) return allowed.includes(origin);
  return URL.canParse(origin) && new URL(origin).host === host;
}
