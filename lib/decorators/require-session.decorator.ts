import { applyDecorators, SetMetadata, UseGuards } from '@nestjs/common';
import { type Duration, toMs } from '../engine/duration.js';
import { SessionGuard } from '../guards/session.guard.js';
import { RECENT_LOGIN, REQUIREMENT, type SessionPredicate } from '../guards/session-requirement.js';

/** Where a visitor is sent who may not come in. */
export interface RequireSessionOptions {
  /** A path such as `'/login'`. Default: none, the answer is a 401. */
  readonly redirectTo?: string | undefined;
}

/**
 * Lets in who is logged in, or whom the predicate lets in. On a controller or a route.
 *
 * @example
 * ```ts
 * @RequireSession((session) => session.user?.role === 'admin', { redirectTo: '/login' })
 * ```
 */
export function RequireSession(
  predicate?: SessionPredicate,
  options?: RequireSessionOptions,
): MethodDecorator & ClassDecorator;
export function RequireSession(options: RequireSessionOptions): MethodDecorator & ClassDecorator;
export function RequireSession(
  first?: SessionPredicate | RequireSessionOptions,
  options?: RequireSessionOptions,
): MethodDecorator & ClassDecorator {
  const predicate = typeof first === 'function' ? first : undefined;
  const { redirectTo } = (typeof first === 'object' ? first : options) ?? {};
  return applyDecorators(SetMetadata(REQUIREMENT, { predicate, redirectTo }), UseGuards(SessionGuard));
}

/**
 * Lets in who has proved who they are within that time: by `session.login()`, or `session.confirmLogin()` after asking for the password
 * again (OWASP ASVS 5 V7.5). Others get a 401 whose `reason` is `recent-login-required`.
 */
export function RequireRecentLogin(within: Duration): MethodDecorator & ClassDecorator {
  return applyDecorators(SetMetadata(RECENT_LOGIN, toMs(within, '@RequireRecentLogin()')), UseGuards(SessionGuard));
}
