import { once } from 'node:events';
import { createClient, type ExecutionResult } from 'graphql-ws';
import { WebSocket } from 'ws';
import { Refused } from './gateway-client.js';

export interface GraphqlError {
  readonly message: string;
  readonly extensions?: { readonly code?: string; readonly reason?: string };
}

export interface GraphqlAnswer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly GraphqlError[];
}

export interface GraphqlClient {
  /** A query or a mutation. */
  ask(query: string, variables?: Record<string, unknown>): Promise<GraphqlAnswer>;
  /** A subscription: each `next()` waits for an event. */
  events(query: string, variables?: Record<string, unknown>): AsyncIterableIterator<GraphqlAnswer>;
  /** The close code. */
  readonly closed: Promise<number>;
  close(): unknown;
}

/** A client of graphql-ws, over one real connection. */
export async function connectGraphql(url: string, headers: Record<string, string>): Promise<GraphqlClient> {
  const sockets: WebSocket[] = [];
  class Connection extends WebSocket {
    constructor(address: string, protocols: string[]) {
      super(address, protocols, { headers });
      sockets.push(this);
    }
  }
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: Connection,
    lazy: false,
    retryAttempts: 0,
    onNonLazyError: () => undefined,
  });
  const closed = new Promise<number>((resolve) => {
    client.on('closed', (event) => resolve((event as { code: number }).code));
  });
  await new Promise<void>((resolve, reject) => {
    client.on('connected', () => resolve());
    client.on('closed', (event) => reject(new Refused(String((event as { code: number }).code))));
    void once(sockets[0]!, 'unexpected-response').then(
      ([, answer]) => reject(new Refused(String((answer as { statusCode: number }).statusCode))),
      () => undefined,
    );
  });
  const events = (query: string, variables: Record<string, unknown> = {}) =>
    client.iterate({
      query,
      variables,
    }) as AsyncIterableIterator<ExecutionResult> as AsyncIterableIterator<GraphqlAnswer>;
  return {
    events,
    closed,
    close: () => client.dispose(),
    async ask(query, variables) {
      try {
        return (await events(query, variables).next()).value as GraphqlAnswer;
      } catch (errors) {
        // What graphql-ws says in a message of its own.
        if (Array.isArray(errors)) return { errors: errors as GraphqlError[] };
        throw errors;
      }
    },
  };
}
