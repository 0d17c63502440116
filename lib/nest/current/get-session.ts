import type { ArgumentsHost, ExecutionContext } from '@nestjs/common';
import { show } from '../../common/duration.js';
import { SessionStateError } from '../../common/errors.js';
import { endedHere } from '../../commit/verb-checks.js';
import type { Session, SessionData } from '../../session/session-types.js';
import { sessionOf, type SessionRequest } from '../../transports/http/lifecycle.js';
import { operationOf } from '../../transports/websockets/graphql-operation.js';
import type { RequestSession } from '../../transports/http/request-session.js';
import { sessionIn } from '../decorators/session.decorator.js';
import { NO_HTTP_SESSION } from '../request-of.js';

/**
 * The session of a request, for an app's own guards, interceptors, filters, parameter decorators and middleware. It is
 * read now if `load` is `'lazy'` and nothing has read it yet.
 *
 * @param contextOrRequest Nest's `ExecutionContext` or `ArgumentsHost`, or the request. In the filter of a GraphQL
 * subscription: its context.
 * @throws SessionStateError `NO_MIDDLEWARE` if the request has no session, `ENDED` if this request has ended it.
 * @throws ServiceUnavailableException if the store failed and `onStoreError` is `fail`; `SessionUnavailableError` if a
 * request was given.
 * @example
 * ```ts
 * async canActivate(context: ExecutionContext) {
 *   const session = await getSession(context);
 *   return session.user?.role === 'admin';
 * }
 * ```
 */
export async function getSession<D = SessionData>(contextOrRequest: ArgumentsHost | object): Promise<Session<D>> {
  // Only members of ArgumentsHost are used.
  return isHost(contextOrRequest)
    ? thereStill(await sessionIn(contextOrRequest as ExecutionContext))
    : openedIn<D>(operationOf(contextOrRequest)?.message ?? requestSessionIn(contextOrRequest));
}

/** The session of a request or a message; it is read if necessary. */
export async function openedIn<D = SessionData>(request: RequestSession): Promise<Session<D>> {
  await request.open();
  return thereStill(request.session);
}

function thereStill<D>(session: object | undefined): Session<D> {
  if (session === undefined) throw endedHere();
  return session as Session<D>;
}

function requestSessionIn(given: object): RequestSession {
  const carrier = given as (SessionRequest & { raw?: SessionRequest }) | undefined | null;
  if (typeof carrier?.headers !== 'object')
    throw new TypeError(
      `getSession() got ${show(given)}; it takes an ExecutionContext, an ArgumentsHost or a request.`,
    );
  const request = sessionOf(carrier) ?? (carrier.raw && sessionOf(carrier.raw));
  if (request === undefined) throw new SessionStateError('NO_MIDDLEWARE', NO_HTTP_SESSION);
  return request;
}

const isHost = (given: object | null | undefined): given is ArgumentsHost =>
  typeof (given as Partial<ArgumentsHost> | undefined)?.getArgByIndex === 'function';
