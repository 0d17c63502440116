import { applyDecorators, type CustomDecorator, SetMetadata, UseGuards } from '@nestjs/common';
import { type Duration, show, toMs } from '../../common/duration.js';
import { unknownName } from '../../common/option-rules.js';
import { SessionGuard } from '../guard/session.guard.js';
import {
  RECENT_LOGIN,
  REQUIREMENT,
  type SessionPredicate,
  type SessionRequirement,
} from '../guard/session-requirement.js';

/** The options of `@RequireSession()`. */
export interface RequireSessionOptions {
  /**
   * A path such as `'/login'`, to which a refused visitor is redirected. Over HTTP only.
   *
   * @defaultValue none: the answer is 401 or 403
   */
  readonly redirectTo?: string | undefined;
  /**
   * Before the redirect, keeps the path that a browser asked for in `session.returnTo`, for `takeReturnTo()` after the
   * login. Only for GET and HEAD requests that accept HTML.
   *
   * @defaultValue `false`
   */
  readonly returnTo?: boolean | undefined;
  /**
   * Whether visitors who aren't logged in are admitted if the predicate agrees, as for a guest checkout.
   *
   * @defaultValue `false`: the visitor has to be logged in, and the predicate has to agree
   */
  readonly guests?: boolean | undefined;
  /**
   * The text of the 403.
   *
   * @defaultValue a general text
   */
  readonly message?: string | undefined;
}

const OPTIONS: readonly string[] = [
  'redirectTo',
  'returnTo',
  'guests',
  'message',
] satisfies (keyof RequireSessionOptions)[];

/**
 * Admits a visitor who is logged in and satisfies the predicate, if there is one. For a controller or a route. If there
 * are several (stacked, inherited, or on both), all must agree. Others get a 401 (`reason: 'login-required'`) or a 403
 * (`reason: 'forbidden'`).
 *
 * @throws TypeError if `guests` is set without a predicate, `returnTo` without `redirectTo`, an option is unknown, or an argument is neither.
 * @example
 * ```ts
 * @RequireSession((session) => session.user?.role === 'admin', { redirectTo: '/login' })
 * ```
 * @example A guest checkout, without a login.
 * ```ts
 * @RequireSession((session) => session.cart, { guests: true })
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
  const given = optionsOf(first, options);
  const unknown = unknownName(given, OPTIONS, { redirect: 'redirectTo' });
  if (unknown !== undefined)
    throw new TypeError(
      `@RequireSession() got ${show(unknown.name)}, which is no option of it; the options are ${OPTIONS.join(', ')}.${unknown.question}`,
    );
  const { redirectTo, returnTo = false, guests = false, message } = given;
  if (guests && predicate === undefined)
    throw new TypeError(
      `@RequireSession() got { guests: ${show(guests)} } without a predicate, which would admit everybody. Give it a predicate, or use @Public().`,
    );
  if (returnTo && redirectTo === undefined)
    throw new TypeError(
      `@RequireSession() got { returnTo: ${show(returnTo)} } without "redirectTo". Name the login page, such as { redirectTo: '/login', returnTo: true }.`,
    );
  const requirement: SessionRequirement = { predicate, redirectTo, returnTo, guests, message };
  return applyDecorators(
    combined<SessionRequirement[]>(REQUIREMENT, (before = []) => [requirement, ...before]),
    UseGuards(SessionGuard),
  );
}

/** @throws TypeError for arguments that would be overlooked, so that more were let in than the app meant. */
function optionsOf(first: unknown, second: unknown): RequireSessionOptions {
  const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  if (first !== undefined && typeof first !== 'function' && !isObject(first))
    throw new TypeError(
      `@RequireSession() got ${show(first)}; it takes a predicate, such as (session) => session.role === 'admin', and options.`,
    );
  if (isObject(first) && second !== undefined)
    throw new TypeError('@RequireSession() got its options before another argument; the predicate goes first.');
  const given = isObject(first) ? first : second;
  if (given !== undefined && !isObject(given))
    throw new TypeError(
      `@RequireSession() got ${show(given)} as options; they are an object such as { redirectTo: '/login' }.`,
    );
  return given ?? {};
}

/**
 * Admits a visitor whose last `session.login()` or `session.confirmLogin()` is at most this long ago. Call
 * `confirmLogin()` after asking for the password again (OWASP ASVS 5 V7.5). Others get a 401 whose `reason` is
 * `recent-login-required`. Of several, the shortest time counts.
 *
 * @param within in ms, or text such as `'10m'`.
 * @example
 * ```ts
 * @RequireRecentLogin('10m') @Post('password') changePassword() {}
 * ```
 */
export function RequireRecentLogin(within: Duration): MethodDecorator & ClassDecorator {
  const ms = toMs(within, '@RequireRecentLogin()');
  return applyDecorators(
    combined<number>(RECENT_LOGIN, (before = ms) => Math.min(before, ms)),
    UseGuards(SessionGuard),
  );
}

/** Metadata that includes what a decorator below, or the base class, has set. */
function combined<T>(key: string, combine: (before: T | undefined) => T): CustomDecorator {
  const decorate = (target: object, name?: unknown, descriptor?: { value?: unknown }): void => {
    const on = (descriptor?.value ?? target) as object;
    const before = Reflect.getMetadata(key, on) as T | undefined;
    (SetMetadata(key, combine(before)) as (target: object, name?: unknown, descriptor?: unknown) => void)(
      target,
      name,
      descriptor,
    );
  };
  return Object.assign(decorate, { KEY: key }) as CustomDecorator;
}
