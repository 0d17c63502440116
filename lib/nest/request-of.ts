import type { ExecutionContext } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { rawRequest } from '../transports/fastify/mount.js';
import { SKIP_SESSION } from './decorators/skip-session.decorator.js';
import { sessionOf, type SessionRequest } from '../transports/http/lifecycle.js';
import type { RequestSession } from '../transports/http/request-session.js';
import { operationOf } from '../transports/websockets/graphql-operation.js';
import { currentMessage } from '../transports/websockets/current-message.js';
import { SessionStateError } from '../common/errors.js';
import { isLeftOut } from './left-out.js';

/** The request behind an execution context, whatever carries it. The one place that knows. */
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

/** Node's response behind that of an HTTP context. */
export function rawResponse(context: ExecutionContext): ServerResponse {
  const response = context.switchToHttp().getResponse<ServerResponse & { raw?: ServerResponse }>();
  return response.raw ?? response;
}

/** Whether requests of this kind can have a session at all. */
export function canHaveSession(context: ExecutionContext): boolean {
  const type = context.getType<string>();
  return type === 'http' || type === 'graphql' || (type === 'ws' && currentMessage.getStore() !== undefined);
}

/** Why an HTTP request has no session, and what to do. */
export const NO_HTTP_SESSION =
  'There is no session here: import SessionModule.forRoot() in the app, and see that "forRoutes", "exclude", @SkipSession() and "cookie.path" leave this route in.';

function noHttpSessionIn(context: ExecutionContext): string {
  const [controller, handler] = [context.getClass(), context.getHandler()];
  const name = `${controller?.name}.${handler?.name}`;
  if ([handler, controller].some((each) => each !== undefined && Reflect.getMetadata(SKIP_SESSION, each) === true))
    return `There is no session here: ${name}() carries @SkipSession(), itself or by its class. Take the mark away, or don't ask for the session there.`;
  const request = requestOf(context);
  if (request !== undefined && isLeftOut(request))
    return `There is no session here: "forRoutes" or "exclude" of SessionModule leaves the route of ${name}() out. Take it in there, or don't ask for the session in it.`;
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
        ? 'There is no session in this GraphQL context, as it has no "req": give GraphQLModule the option context: ({ req }) => ({ req }).'
        : 'There is no session in this GraphQL request: see that "forRoutes", "exclude" and "cookie.path" of SessionModule leave the path of GraphQL in.';
    case 'ws':
      return "There is no session in this message to a WebSocket gateway: in main.ts, call app.useWebSocketAdapter(withSessions(app, new IoAdapter(app))), with withSessions from 'nestjs-keycard/websockets' and the adapter that the app uses. A handler that needs none is marked @Public().";
    case 'rpc':
      return 'A message to a microservice (RPC) has no session, so nobody is logged in here: mark the handler @Public(), and send the user in the message.';
    default:
      return `A context of the type "${context.getType<string>()}" has no session, so nobody is logged in here: mark the handler @Public().`;
  }
}

/**
 * The session of a request.
 *
 * @throws SessionStateError where the middleware doesn't cover the route.
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
