import { show } from '../../../common/duration.js';
import { SessionOptionsError } from '../../../common/errors.js';
import { type SocketSessionOptions, socketRules } from '../socket-options.js';
import { carryingOperation, type GraphqlWsOptions, graphqlWsOptions } from './graphql-ws.js';
import { type MercuriusOptions, mercuriusOptions } from './mercurius.js';
import { type GraphqlSchema, runWithinOperations } from './schema.js';
import { SubscriptionGate } from './subscription-gate.js';

/** The options of `GraphQLModule` that are changed. */
interface GraphqlOptions extends MercuriusOptions {
  /** Apollo's options. */
  subscriptions?: { 'graphql-ws'?: GraphqlWsOptions | true };
  context?: unknown;
  transformSchema?: (schema: GraphqlSchema) => unknown;
}

/**
 * Gives GraphQL over WebSockets its session: subscriptions, their filters and events, and queries and mutations over
 * the same connection. The cookie is read once, at the handshake.
 *
 * ```ts
 * GraphQLModule.forRoot<ApolloDriverConfig>(
 *   withSubscriptionSessions({ driver: ApolloDriver, autoSchemaFile: true, subscriptions: { 'graphql-ws': true } }),
 * );
 * ```
 *
 * @param options of `GraphQLModule`, with `subscriptions: { 'graphql-ws': … }` (Apollo) or `subscription: …`
 * (Mercurius). They are not changed.
 * @returns a copy of the options with handlers added, which call the app's own.
 * @throws SessionOptionsError if an option is wrong, or there are no subscriptions.
 */
export function withSubscriptionSessions<Options extends object>(
  options: Options,
  sessions: SocketSessionOptions = {},
): Options {
  const gate = new SubscriptionGate(socketRules(sessions, 'withSubscriptionSessions()'));
  const { subscriptions, subscription, context, transformSchema } = (options ?? {}) as GraphqlOptions;
  const graphqlWs = subscriptions?.['graphql-ws'];
  if (!graphqlWs && !subscription)
    throw new SessionOptionsError(
      `withSubscriptionSessions() got ${show(options)} without subscriptions; it takes the options of GraphQLModule, with subscriptions: { 'graphql-ws': true } (Apollo) or subscription: true (Mercurius), or an object in the place of true.`,
    );
  const apollo = graphqlWs && {
    context: carryingOperation(context),
    subscriptions: { ...subscriptions, 'graphql-ws': graphqlWsOptions(graphqlWs === true ? {} : graphqlWs, gate) },
  };
  return {
    ...options,
    ...apollo,
    ...(subscription && mercuriusOptions(options as MercuriusOptions, gate)),
    async transformSchema(schema: GraphqlSchema) {
      gate.assertSessions();
      return runWithinOperations(((await transformSchema?.(schema)) ?? schema) as GraphqlSchema);
    },
  };
}
