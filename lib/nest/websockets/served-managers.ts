import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:net';
import { SessionStateError } from '../../common/errors.js';
import type { SessionManager } from '../../session-manager.js';

/** The session managers of the apps of this process, with a function that returns the server of each. */
export const servedManagers = new Map<SessionManager, () => Server | undefined>();

/**
 * The sessions of the app that a connection belongs to.
 *
 * @throws SessionStateError if no app has the server.
 */
export function managerServing(request: IncomingMessage): SessionManager {
  const { socket } = request as { socket: IncomingMessage['socket'] & { server?: unknown } };
  const served = [...servedManagers].map(([manager, server]) => ({ manager, server: server() }));
  const found =
    served.find(({ server }) => server !== undefined && server === socket.server) ??
    // For "localhost" Fastify has one server for each address.
    served.find(({ server }) => portOf(server) !== undefined && portOf(server) === socket.localPort) ??
    (served.length === 1 ? served[0] : undefined);
  if (found !== undefined) return found.manager;
  throw new SessionStateError(
    'NO_MIDDLEWARE',
    'A WebSocket came to a server that belongs to no app with SessionModule, so it has no session. Import SessionModule.forRoot() in the root module of that app.',
  );
}

function portOf(server: Server | undefined): number | undefined {
  const address = server?.address();
  return typeof address === 'object' ? address?.port : undefined;
}
