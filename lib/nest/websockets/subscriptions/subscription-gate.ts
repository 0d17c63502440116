import type { IncomingMessage } from 'node:http';
import { SessionOptionsError } from '../../../common/errors.js';
import {
  handshakeOf,
  type HandshakeRefusal,
  type HandshakeRules,
  shakeHands,
} from '../../../transports/websockets/handshake.js';
import type { SocketSession } from '../../../transports/websockets/socket-session.js';
import { servedManagers, managerServing } from '../served-managers.js';
import { closeSocket, type Socket } from '../close-socket.js';

/** Close codes of GraphQL over WebSockets are this plus the HTTP status. */
const CLOSE_CODES = 4_000;

/** Stands between a GraphQL server and its connections. */
export class SubscriptionGate {
  private readonly admitted = new WeakSet<SocketSession>();

  constructor(private readonly rules: HandshakeRules) {}

  /** @throws SessionOptionsError if no app of this process has sessions. */
  assertSessions(): void {
    if (servedManagers.size === 0)
      throw new SessionOptionsError(
        'withSubscriptionSessions() found no SessionModule in the app. Import SessionModule.forRoot() in its root module.',
      );
  }

  /** Rejects if no app has the server that the client came to. */
  async check(request: IncomingMessage): Promise<HandshakeRefusal | undefined> {
    return shakeHands(managerServing(request), this.rules, request);
  }

  /** The session of a connection, which is closed when the session ends. `undefined`: the client was refused. */
  async admit(request: IncomingMessage, socket: Socket): Promise<SocketSession | undefined> {
    const refusal = await this.check(request);
    if (refusal !== undefined) {
      socket.close?.(CLOSE_CODES + refusal.statusCode, refusal.message);
      return undefined;
    }
    const session = handshakeOf(request)!;
    // A client may send `connection_init` more than once.
    if (!this.admitted.has(session)) session.closeWith(() => closeSocket(socket));
    this.admitted.add(session);
    return session;
  }
}
