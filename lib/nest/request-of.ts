import type { ExecutionContext } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { rawRequest } from '../transports/fastify/mount.js';
import { SKIP_SESSION } from './decorators/skip-session.decorator.js';
import { sessionOf, type SessionRequest } from '../transports/http/lifecycle.js';
import type { RequestSession } from '../transports/http/request-session.js';
import { operationOf } from '../transports/websockets/graphql-operation.js';
import { currentMessage } from '../transports/websockets/current-message.js';
import { SessionStateError } from '../common/errors.js';
import { isExcluded } from './excluded-requests.js';

/** The request of an execution context of any kind. Only this function knows where it is. */
export function requestOf(context: ExecutionContext): SessionRequest | undefined {
  switch (context.getType<string>()) {
    case 'http':
      return rawRequest(context.switchToHttp().getRequest<SessionRequest>());
    case 'graphql': {
      const request = graphqlContextOf(context)?.req;
      return request && rawRequest(request);
    }
    default:
      return undefined;
  }
}

interface GraphqlContext {
  readonly req?: SessionRequest;
}

const graphqlContextOf = (context: ExecutionContext): GraphqlContext | undefined =>
  context.getArgByIndex<GraphqlContext | undefined>(2);

/** What graphql-ws puts into the place of a request, and Mercurius into its contexts. */
const isOverWebSocket = (context: GraphqlContext | undefined): boolean =>
  context !== undefined && ('_connectionInit' in context || (context.req !== undefined && 'extra' in context.req));

/** Node's response in an HTTP context. */
export function rawResponse(context: ExecutionContext): ServerResponse {
  const response = context.switchToHttp().getResponse<ServerResponse & { raw?: ServerResponse }>();
  return response.raw ?? response;
}

/** Whether this kind of request can have a session. */
export function canHaveSession(context: ExecutionContext): boolean {
  const type = context.getType<string>();
  return type === 'http' || type === 'graphql' || (type === 'ws' && currentMessage.getStore() !== undefined);
}

/** Why an HTTP request has no session, and what to do. */
export const NO_HTTP_SESSION =
  'There is no session here. Import SessionModule.forRoot() in the app, and check that "forRoutes", "exclude", @SkipSession() and "cookie.path" include this route.';

function noHttpSessionIn(context: ExecutionContext): string {
  const [controller, handler] = [context.getClass(), context.getHandler()];
  const name = `${controller?.name}.${handler?.name}`;
  if ([handler, controller].some((each) => each !== undefined && Reflect.getMetadata(SKIP_SESSION, each) === true))
    return `There is no session here: ${name}() or its class has @SkipSession(). Remove it, or don't use the session there. If a global SessionGuard uses it, add @Public().`;
  const request = requestOf(context);
  if (request !== undefined && isExcluded(request))
    return `There is no session here: "forRoutes" or "exclude" of SessionModule excludes the route of ${name}(). Include the route, or don't use the session there.`;
  return NO_HTTP_SESSION;
}

/** Why there is no session in a context, and what to do. */
export function noSessionIn(context: ExecutionContext): string {
  switch (context.getType<string>()) {
    case 'http':
      return noHttpSessionIn(context);
    case 'graphql':
      if (isOverWebSocket(graphqlContextOf(context)))
        return "There is no session in this GraphQL operation over a WebSocket: give GraphQLModule its options through withSubscriptionSessions(), from 'nestjs-keycard/websockets'. A resolver that needs none is marked @Public().";
      return requestOf(context) === undefined
        ? 'There is no session in this GraphQL context, as it has no "req". Give GraphQLModule the option context: ({ req }) => ({ req }).'
        : 'There is no session in this GraphQL request. Check that "forRoutes", "exclude" and "cookie.path" of SessionModule include the path of GraphQL.';
    case 'ws':
      return "There is no session in this message to a WebSocket gateway: in main.ts, call app.useWebSocketAdapter(withSessions(app, new IoAdapter(app))), with withSessions from 'nestjs-keycard/websockets' and the adapter that the app uses. A handler that needs none is marked @Public().";
    case 'rpc':
      return 'A message to a microservice (RPC) has no session, so nobody is logged in here. Mark the handler @Public(), and send the user in the message.';
    default:
      return `A context of the type "${context.getType<string>()}" has no session, so nobody is logged in here. Mark the handler @Public().`;
  }
}

/**
 * The session of a request.
 *
 * @throws SessionStateError if the middleware doesn't run for the route.
 */
export function requestSessionOf(context: ExecutionContext): RequestSession {
  const request = requestOf(context);
  const session = messageOf(context) ?? (request && sessionOf(request));
  if (session === undefined) throw new SessionStateError('NO_MIDDLEWARE', noSessionIn(context));
  return session;
}

/** The session in one message over a WebSocket. */
function messageOf(context: ExecutionContext): RequestSession | undefined {
  switch (context.getType<string>()) {
    case 'ws':
      return currentMessage.getStore();
    case 'graphql':
      return operationOf(graphqlContextOf(context))?.message;
    default:
      return undefined;
  }
}
