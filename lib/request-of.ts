import type { ExecutionContext } from '@nestjs/common';
import { sessionOf, type SessionRequest } from './engine/lifecycle.js';
import type { RequestSession } from './engine/request-session.js';
import { SessionStateError } from './engine/errors.js';

/** The request behind an execution context, whatever carries it. The one place that knows. */
export function requestOf(context: ExecutionContext): SessionRequest | undefined {
  switch (context.getType<string>()) {
    case 'http':
      return context.switchToHttp().getRequest<SessionRequest>();
    case 'graphql':
      return context.getArgByIndex<{ req?: SessionRequest } | undefined>(2)?.req;
    default:
      return undefined;
  }
}

/**
 * The session of a request.
 *
 * @throws SessionStateError where the middleware doesn't cover the route.
 */
export function requestSessionOf(context: ExecutionContext): RequestSession {
  const request = requestOf(context);
  const session = request && sessionOf(request);
  if (session === undefined) {
    throw new SessionStateError(
      'NO_MIDDLEWARE',
      'There is no session here: import SessionModule.forRoot() in the app, and see that "forRoutes", "exclude", @SkipSession() and "cookie.path" leave this route in.',
    );
  }
  session.keepGate();
  return session;
}
