import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:net';
import { SessionStateError } from '../../common/errors.js';
import type { SessionManager } from '../../session-manager.js';

/** The sessions of the apps of this process, with what gives the server of each. */
export const servedManagers = new Map<SessionManager, () => Server | undefined>();

/**
 * The sessions of the app that a connection came to.
 *
 * @throws SessionStateError if it is none's.
 */
export function managerServing(request: IncomingMessage): SessionManager {
  const { socket } = request as { socket: IncomingMessage['socket'] & { server?: unknown } };
  const served = [...servedManagers].map(([manager, server]) => ({ manager, server: server() }));
  const found =
    served.find(({ server }) => server !== undefined && server === socket.server) ??
    // For "localhost" Fastify has a server for each of its addresses.
    served.find(({ server }) => portOf(server) !== undefined && portOf(server) === socket.localPort) ??
    (served.length === 1 ? served[0] : undefined);
  if (found !== undefined) return found.manager;
  throw new SessionStateError(
    'NO_MIDDLEWARE',
    'A WebSocket came to a server that is not that of an app with SessionModule, so it has no session.',
  );
}

function portOf(server: Server | undefined): number | undefined {
  const address = server?.address();
  return typeof address === 'object' ? address?.port : undefined;
}
