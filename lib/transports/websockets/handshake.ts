import type { IncomingMessage } from 'node:http';
import type { RequestServices } from '../http/request-services.js';
import { type SocketLimits, SocketSession } from './socket-session.js';

/** The origins whose pages may connect, such as `'https://app.example.com'`, or a function. */
export type AllowedOrigins = readonly string[] | ((origin: string, request: IncomingMessage) => boolean);

/** What is checked before a client is connected. */
export interface HandshakeRules extends SocketLimits {
  /** `undefined`: only pages of the same host. */
  readonly origins: AllowedOrigins | undefined;
  readonly requireSession: boolean;
}

/** The HTTP response to a client that may not connect. */
export interface HandshakeRefusal {
  readonly statusCode: 401 | 403 | 503;
  readonly message: string;
}

const handshakes = new WeakMap<IncomingMessage, SocketSession>();

/** The session of a connection, by its handshake request. */
export const handshakeOf = (request: IncomingMessage): SocketSession | undefined => handshakes.get(request);

/** The connection was not made, or has ended: its session is no longer watched for it. */
export const dropHandshake = (request: IncomingMessage): void => handshakes.get(request)?.stop();

/** Checks the origin of a client, and reads its cookie. Runs once for each handshake request. */
export async function shakeHands(
  services: RequestServices,
  rules: HandshakeRules,
  request: IncomingMessage,
): Promise<HandshakeRefusal | undefined> {
  if (handshakes.has(request)) return undefined;
  if (!isFromAllowedOrigin(services, request, rules.origins))
    return { statusCode: 403, message: 'Pages of this origin may not connect (option "origins").' };
  const session = new SocketSession(services, rules);
  const outcome = await session.begin(request);
  if (rules.requireSession && outcome !== 'found')
    return outcome === 'failed'
      ? { statusCode: 503, message: 'The session store is not available. Please try again.' }
      : { statusCode: 401, message: 'Please log in.' };
  handshakes.set(request, session);
  stopWithConnection(request, session);
  return undefined;
}

/** Stops when the TCP connection closes: also if the app's own check refuses the client, or it disconnects early. */
function stopWithConnection({ headers, socket }: IncomingMessage, session: SocketSession): void {
  // A client that polls outlives the connections of its requests.
  if (headers.upgrade === undefined) return;
  if (socket.destroyed) session.stop();
  else socket.once('close', () => session.stop());
}

/**
 * Browsers send cookies with a WebSocket handshake, whatever page started it, and always send its Origin (ASVS 4.4.2).
 * Clients that are no browsers may leave Origin out: they have no one else's cookies.
 */
function isFromAllowedOrigin(
  services: RequestServices,
  request: IncomingMessage,
  allowed: AllowedOrigins | undefined,
): boolean {
  const { origin, host } = request.headers;
  if (origin === undefined) return true;
  if (typeof allowed === 'function') return isAllowedBy(services, allowed, origin, request);
  if (allowed !== undefined) return allowed.includes(origin);
  return URL.canParse(origin) && new URL(origin).host === host;
}

function isAllowedBy(
  services: RequestServices,
  allowed: (origin: string, request: IncomingMessage) => boolean,
  origin: string,
  request: IncomingMessage,
): boolean {
  try {
    return allowed(origin, request) === true;
  } catch (error) {
    services.notices.error('The function "origins" threw, so a client was not let in.', error);
    return false;
  }
}
