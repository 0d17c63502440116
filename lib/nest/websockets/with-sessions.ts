import type { INestApplicationContext, WebSocketAdapter, WsMessageHandler } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { show } from '../../common/duration.js';
import { SessionOptionsError } from '../../common/errors.js';
import type { SessionManager } from '../../session-manager.js';
import { handshakeOf, type HandshakeRules, shakeHands } from '../../transports/websockets/handshake.js';
import type { SocketSession } from '../../transports/websockets/socket-session.js';
import { SESSION_MANAGER } from '../session.tokens.js';
import { type Callback, withMessageSession } from './message-handler.js';
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
  const gate = new SocketGate(managerOf(app), socketRules(options));
  const { create, bindClientConnect, bindMessageHandlers } = adapter;
  return Object.assign(adapter, {
    create(port: number, serverOptions?: unknown): unknown {
      return gate.guard(create.call(adapter, port, serverOptions));
    },
    bindClientConnect(server: unknown, connected: Callback): void {
      bindClientConnect.call(adapter, server, (...args: unknown[]) => gate.connect(args, connected));
    },
    bindMessageHandlers(client: Socket, handlers: WsMessageHandler[], transform: Transform): void {
      const own = handlers.map((handler) => gate.handlerFor(client, handler));
      bindMessageHandlers.call(adapter, client, own, transform);
    },
  });
}

/** Stands between an adapter and its clients. */
class SocketGate {
  private readonly sessions = new WeakMap<object, SocketSession>();

  constructor(
    private readonly manager: SessionManager,
    private readonly rules: HandshakeRules,
  ) {}

  guard(server: unknown): unknown {
    guardServer(server, (request) => shakeHands(this.manager, this.rules, request));
    return server;
  }

  /** The handshake was checked before the connection was made, unless the adapter's server doesn't support that. */
  connect(args: unknown[], connected: Callback): void {
    const client = args[0] as Socket;
    const request = (client.request ?? args[1]) as IncomingMessage;
    if (handshakeOf(request) === undefined) {
      closeSocket(client);
      this.manager.notices.warnOnce(
        'unchecked handshake',
        'withSessions(): the WebSocket adapter connected a client whose handshake was not checked, so the client was disconnected. Use an adapter whose create() returns a server of socket.io or ws.',
      );
      return;
    }
    this.attach(client, request);
    connected(...args);
  }

  private attach(client: Socket, request: IncomingMessage): void {
    const session = handshakeOf(request)!;
    this.sessions.set(client, session);
    const forget = session.closeWith(() => closeSocket(client));
    client.on(client.handshake === undefined ? 'close' : 'disconnect', forget);
  }

  handlerFor(client: Socket, handler: WsMessageHandler): WsMessageHandler {
    const session = this.sessions.get(client);
    if (session === undefined) return handler;
    const callback = withMessageSession(handler.callback, session, (refusal) => tellSocket(client, refusal));
    return { ...handler, callback };
  }
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
