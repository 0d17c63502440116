import type { IncomingMessage } from 'node:http';
import { beginOperation } from '../../../transports/websockets/graphql-operation.js';
import { handshakeOf } from '../../../transports/websockets/handshake.js';
import type { Socket } from '../close-socket.js';
import { failedResult } from './saving.js';
import type { SubscriptionGate } from './subscription-gate.js';

/** A connection, as graphql-ws passes it to its handlers. */
interface Connection {
  readonly extra: { readonly socket: Socket; readonly request: IncomingMessage };
}

/** The options of graphql-ws that are changed. */
export interface GraphqlWsOptions {
  onConnect?: (connection: Connection) => unknown;
  onNext?: (
    connection: Connection,
    id: string,
    payload: unknown,
    args: { readonly contextValue?: unknown },
    result: unknown,
  ) => unknown;
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
    // Called before each result and each event is sent.
    async onNext(connection, id, payload, args, result) {
      const answer = await own.onNext?.(connection, id, payload, args, result);
      return (await failedResult(args.contextValue)) ?? answer;
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
