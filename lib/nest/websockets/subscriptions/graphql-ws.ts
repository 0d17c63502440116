import type { IncomingMessage } from 'node:http';
import { beginOperation } from '../../../transports/websockets/graphql-operation.js';
import { handshakeOf } from '../../../transports/websockets/handshake.js';
import type { Socket } from '../close-socket.js';
import { savedAfterOwn } from './saving.js';
import type { SubscriptionGate } from './subscription-gate.js';

/** A connection, as graphql-ws passes it to its handlers. */
interface Connection {
  readonly extra: { readonly socket: Socket; readonly request: IncomingMessage };
}

type OnResult = (
  connection: Connection,
  id: string,
  payload: unknown,
  args: { readonly contextValue?: unknown },
  result: unknown,
) => unknown;

/** The options of graphql-ws that are changed. */
export interface GraphqlWsOptions {
  onConnect?: (connection: Connection) => unknown;
  onOperation?: OnResult;
  onNext?: OnResult;
  context?: unknown;
}

export function graphqlWsOptions(own: GraphqlWsOptions, gate: SubscriptionGate): GraphqlWsOptions {
  return {
    ...own,
    ...(own.context !== undefined && { context: carryingOperation(own.context) }),
    async onConnect(connection) {
      const session = await gate.admit(connection.extra.request, connection.extra.socket);
      return session !== undefined && own.onConnect?.(connection);
    },
    // Called when the resolvers of an operation are done, even if the client has cancelled it or gone.
    onOperation(...call) {
      const [, , , { contextValue }, result] = call;
      // A subscription that has begun. Its changes were saved by its resolver.
      if (Symbol.asyncIterator in Object(result)) return own.onOperation?.(...call);
      return savedAfterOwn(contextValue, result, () => own.onOperation?.(...call));
    },
    // Called before each result and each event is sent, unless a query or a mutation was cancelled.
    onNext(...call) {
      const [, , , { contextValue }, result] = call;
      return savedAfterOwn(contextValue, result, () => own.onNext?.(...call));
    },
  };
}

/** Wraps the option `context`, so that its result for an operation over a WebSocket has a session. */
export function carryingOperation(own: unknown): (...args: unknown[]) => Promise<unknown> {
  return async (...args) => {
    const context: unknown = typeof own === 'function' ? await own(...args) : own;
    const request = (args[0] as Partial<Connection> | undefined)?.extra?.request;
    const session = request && handshakeOf(request);
    if (session === undefined) return context;
    // The app may return the same object for all operations.
    const copy: object = Object.assign(Object.create(Object.getPrototypeOf(context ?? {}) as object), context);
    return beginOperation(copy, session);
  };
}
