import { ApolloDriver } from '@nestjs/apollo';
import type { INestApplication, ModuleMetadata } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { SessionModuleOptions } from 'nestjs-keycard';
import { type SocketSessionOptions, withSubscriptionSessions } from 'nestjs-keycard/websockets';
import { DoorController } from './door-contract.js';
import { startApp, type TestApp } from './app.js';

/** What a test gives the GraphQL server for WebSockets, in the words of graphql-ws or of Mercurius. */
export type OwnHandlers = Record<string, unknown>;

export interface GraphqlServer {
  readonly name: string;
  /** Close codes that refuse a connection, or what HTTP says before there is one. */
  readonly refusals: { readonly session: string; readonly origin: string; readonly failed: string };
  start(
    module: ModuleMetadata,
    options?: Partial<SessionModuleOptions>,
    sockets?: {
      sessions?: SocketSessionOptions | false;
      own?: OwnHandlers;
      /** Mercurius's. */
      hooks?: OwnHandlers;
      context?: unknown;
      before?: (app: INestApplication) => unknown;
    },
  ): Promise<TestApp>;
}

export const mercurius = async (name = '@nestjs/mercurius') =>
  ((await import(name)) as { MercuriusDriver: typeof ApolloDriver }).MercuriusDriver;

const server = (
  name: string,
  adapter: () => ExpressAdapter | FastifyAdapter,
  driver: () => Promise<typeof ApolloDriver>,
  refusals: GraphqlServer['refusals'],
): GraphqlServer => ({
  name,
  refusals,
  async start(
    { providers = [], controllers = [DoorController] },
    options = {},
    { sessions = {}, own, hooks, context, before } = {},
  ) {
    const subscriptions =
      driver === mercurius
        ? { subscription: { fullWsTransport: true, ...own } }
        : { subscriptions: { 'graphql-ws': own ?? (true as const) } };
    const graphql = { driver: await driver(), autoSchemaFile: true, context, hooks, ...subscriptions };
    return startApp(controllers as [], options, {
      adapter: adapter(),
      providers,
      ...(before && { before }),
      imports: [GraphQLModule.forRoot(sessions === false ? graphql : withSubscriptionSessions(graphql, sessions))],
    });
  },
});

const closing = { session: '4401', origin: '4403', failed: '4503' };
export const graphqlServers: readonly GraphqlServer[] = [
  server(
    'graphql-ws on Express',
    () => new ExpressAdapter(),
    () => Promise.resolve(ApolloDriver),
    closing,
  ),
  server(
    'graphql-ws on Fastify',
    () => new FastifyAdapter(),
    () => Promise.resolve(ApolloDriver),
    closing,
  ),
  server('Mercurius', () => new FastifyAdapter(), mercurius, { session: '401', origin: '403', failed: '503' }),
];
