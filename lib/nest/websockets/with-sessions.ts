import type { INestApplicationContext, WebSocketAdapter, WsMessageHandler } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { show } from '../../common/duration.js';
import { SessionOptionsError } from '../../common/errors.js';
import type { SessionManager } from '../../session-manager.js';
import { handshakeOf, shakeHands } from '../../transports/websockets/handshake.js';
import type { SocketSession } from '../../transports/websockets/socket-session.js';
import { SESSION_MANAGER } from '../session.tokens.js';
import { type Callback, withMessageSession } from './message-handler.js';
import { guardRecovery } from './recovery-guard.js';
import { guardServer } from './server-guard.js';
import { closeSocket, type Socket, tellSocket } from './close-socket.js';
import { type SocketSessionOptions, socketRules } from './socket-options.js';

type Transform = Parameters<WebSocketAdapter['bindMessageHandlers']>[2];

/**
 * Gives the messages of an app's gateways their session. The cookie is read once, at the handshake.
 *
 * ```ts
 * app.useWebSocketAdapter(withSessions(app, new IoAdapter(app)));
 * ```
 *
 * @param adapter `IoAdapter`, `WsAdapter`, or one of the app's own. It is changed, and returned.
 * @throws SessionOptionsError if an option is wrong, or the app has no `SessionModule`.
 */
export function withSessions<Adapter extends WebSocketAdapter>(
  app: INestApplicationContext,
  adapter: Adapter,
  options: SocketSessionOptions = {},
): Adapter {
  if (typeof (adapter as Partial<WebSocketAdapter> | undefined)?.bindMessageHandlers !== 'function')
    throw new SessionOptionsError(
      `withSessions(app, adapter) got ${show(adapter)} for the adapter; it takes a WebSocket adapter, such as new IoAdapter(app).`,
    );
  const manager = managerOf(app);
  const rules = socketRules(options);
  const sessions = new WeakMap<object, SocketSession>();
  const { create, bindClientConnect, bindMessageHandlers } = adapter;

  function attach(client: Socket, session: SocketSession): void {
    sessions.set(client, session);
    const forget = session.closeWith(() => closeSocket(client));
    client.on(client.handshake === undefined ? 'close' : 'disconnect', forget);
  }

  /** The handshake is checked before the connection is made, unless the adapter's server doesn't support that. */
  function refuse(client: Socket): void {
    closeSocket(client);
    manager.notices.warnOnce(
      'unchecked handshake',
      'withSessions(): the WebSocket adapter connected a client whose handshake was not checked, so the client was disconnected. Use an adapter whose create() returns a server of socket.io or ws.',
    );
  }

  return Object.assign(adapter, {
    create(port: number, serverOptions?: unknown): unknown {
      const server: unknown = create.call(adapter, port, serverOptions);
      guardServer(server, (request) => shakeHands(manager, rules, request));
      guardRecovery(server);
      return server;
    },
    bindClientConnect(server: unknown, connected: Callback): void {
      bindClientConnect.call(adapter, server, (client: Socket, ...args: unknown[]) => {
        const session = handshakeOf((client.request ?? args[0]) as IncomingMessage);
        if (session === undefined) return refuse(client);
        attach(client, session);
        connected(client, ...args);
      });
    },
    bindMessageHandlers(client: Socket, handlers: WsMessageHandler[], transform: Transform): void {
      const session = sessions.get(client);
      const own = handlers.map((handler) => {
        if (session === undefined) return handler;
        const callback = withMessageSession(handler.callback, session, (refusal) => tellSocket(client, refusal));
        return { ...handler, callback };
      });
      bindMessageHandlers.call(adapter, client, own, transform);
    },
  });
}

function managerOf(app: INestApplicationContext): SessionManager {
  try {
    return app.get<SessionManager>(SESSION_MANAGER, { strict: false });
  } catch (cause) {
    throw Object.assign(
      new SessionOptionsError(
        'withSessions(app, adapter) found no SessionModule in the app. Import SessionModule.forRoot() in its root module.',
      ),
      { cause },
    );
  }
}
