import { type CanActivate, type ExecutionContext, HttpException, Injectable, Logger, type Type } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { show } from '../../common/duration.js';
import { SessionUnavailableError } from '../../common/errors.js';
import type { SessionCore } from '../../session/session-core.js';
import { canHaveSession, noSessionIn, rawResponse, requestOf, requestSessionOf } from '../request-of.js';
import { keepReturnTo } from '../return-to.js';
import type { Session } from '../../session/session-types.js';
import { type Refusal, refusalIn } from './refusal-exception.js';
import {
  PUBLIC,
  RECENT_LOGIN,
  REQUIREMENT,
  type SessionPredicate,
  type SessionRequirement,
} from './session-requirement.js';

// Metadata that Nest's @UseGuards() leaves: its constant isn't public.
const GUARDS_METADATA = '__guards__';
/** What a visitor who isn't logged in is told. */
export const LOGIN_REQUIRED: Refusal = { statusCode: 401, message: 'Please log in.', reason: 'login-required' };
const NOT_FOR_YOU = 'You are logged in, but you may not use this.';
/** The predicates' answers in one call of a handler. Nest gives all guards of a call the same context. */
const answered = new WeakMap<ExecutionContext, { core: SessionCore; by: Map<SessionPredicate, Promise<boolean>> }>();

/**
 * Admits a visitor who is logged in (`isAuthenticated`) and satisfies every `@RequireSession()` of the route and its
 * controller. Others get a 401, or a 403 if a predicate refuses, or are redirected to `redirectTo`. If the store
 * failed, it refuses everybody with 503.
 *
 * @example
 * ```ts
 * { provide: APP_GUARD, useClass: SessionGuard }
 * ```
 */
@Injectable()
export class SessionGuard implements CanActivate {
  private readonly logger = new Logger(SessionGuard.name);
  private readonly reflector = new Reflector();

  /**
   * Under GraphQL these errors have `extensions.code`; gateways get a `WsException`, microservices an `RpcException`.
   *
   * @throws UnauthorizedException with `reason` `login-required` or `recent-login-required`
   * @throws ForbiddenException with `reason` `forbidden`
   * @throws ServiceUnavailableException if the store failed
   */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    if (this.isPublic(context)) return true;
    if (!canHaveSession(context)) throw await refusalIn(context, { ...LOGIN_REQUIRED, message: noSessionIn(context) });
    const requirements = this.reflector
      .getAll<(SessionRequirement[] | undefined)[]>(REQUIREMENT, targets)
      .flatMap((each) => each ?? []);
    const recentMs = Math.min(
      ...this.reflector
        .getAll<(number | undefined)[]>(RECENT_LOGIN, targets)
        .map((each) => each ?? Number.POSITIVE_INFINITY),
    );
    const asksForRecent = recentMs < Number.POSITIVE_INFINITY;
    const core = await this.coreIn(context);
    const isAuthenticated = core !== undefined && this.isAuthenticated(core);
    const isOpenToGuests = requirements.length > 0 && !asksForRecent && requirements.every(({ guests }) => guests);
    if (core === undefined || (!isAuthenticated && !isOpenToGuests))
      throw await this.refusal(context, requirements, core, false);
    const refusing = await this.refusing(context, requirements, core);
    if (refusing !== undefined) throw await this.refusal(context, requirements, core, isAuthenticated, refusing);
    if (asksForRecent && !isRecent(core, recentMs)) throw await refusalIn(context, recentLoginRequired(recentMs));
    return true;
  }

  /**
   * The decorator nearest to the route counts: `@Public()` on a controller doesn't open a route with its own
   * `@RequireSession()`.
   */
  private isPublic(context: ExecutionContext): boolean {
    const handler = context.getHandler();
    if (this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC, [handler, context.getClass()]) !== true)
      return false;
    const asks = [REQUIREMENT, RECENT_LOGIN].some((key) => this.reflector.get<unknown>(key, handler) !== undefined);
    return !asks && !this.reflector.get<unknown[] | undefined>(GUARDS_METADATA, handler)?.some(isSessionGuard);
  }

  private async coreIn(context: ExecutionContext): Promise<SessionCore | undefined> {
    const request = requestSessionOf(context);
    await request.open();
    if (request.hasFailed) {
      throw await refusalIn(
        context,
        { statusCode: 503, message: new SessionUnavailableError().message },
        request.failureToLoad,
      );
    }
    const core = request.currentCore;
    // If the record is unreadable, accessing the data turns it into a new session.
    return core?.session === undefined ? undefined : core;
  }

  private isAuthenticated(core: SessionCore): boolean {
    // It has ended since it was read, so it admits nobody.
    if (core.isOver) return false;
    try {
      const answer: unknown = core.services.options.isAuthenticated(core.data.all(), core.principal());
      if (answer && answer !== true) {
        if (answer instanceof Promise) answer.catch(() => undefined);
        this.logger.error(
          `"isAuthenticated" returned ${show(answer)}, so the request is refused; it must return true or false.`,
        );
      }
      return answer === true;
    } catch (error) {
      return this.refuseThrown('"isAuthenticated"', error);
    }
  }

  /** The first requirement whose predicate refuses. */
  private async refusing(
    context: ExecutionContext,
    requirements: readonly SessionRequirement[],
    core: SessionCore,
  ): Promise<SessionRequirement | undefined> {
    for (const requirement of requirements) {
      if (requirement.predicate !== undefined && !(await this.asked(context, requirement.predicate, core)))
        return requirement;
    }
    return undefined;
  }

  /** If a global guard and the route's own both run, each predicate is called once. */
  private asked(context: ExecutionContext, predicate: SessionPredicate, core: SessionCore): Promise<boolean> {
    let answers = answered.get(context);
    // A guard in between may have given the request another session.
    if (answers?.core !== core) answered.set(context, (answers = { core, by: new Map() }));
    let answer = answers.by.get(predicate);
    if (answer === undefined) answers.by.set(predicate, (answer = this.ask(predicate, core)));
    return answer;
  }

  private async ask(predicate: SessionPredicate, core: SessionCore): Promise<boolean> {
    try {
      const answer = await predicate(core.session as Session);
      if (!isAnswerToCome(answer)) return Boolean(answer);
      this.logger.error(
        `The predicate of @RequireSession() returned ${show(answer)}, so the request is refused; it must return its answer, or a promise of it.`,
      );
      return false;
    } catch (error) {
      return this.refuseThrown('The predicate of @RequireSession()', error);
    }
  }

  private refuseThrown(what: string, error: unknown): false {
    this.logger.error(
      `${what} threw an error, so the request is refused.`,
      error instanceof Error ? error.stack : String(error),
    );
    return false;
  }

  private async refusal(
    context: ExecutionContext,
    requirements: readonly SessionRequirement[],
    core: SessionCore | undefined,
    isAuthenticated: boolean,
    refusing?: SessionRequirement,
  ): Promise<Error> {
    // The route's requirements come before the controller's.
    const redirecting = requirements.find((each) => each.redirectTo !== undefined);
    if (redirecting !== undefined && context.getType() === 'http') return redirection(context, redirecting, core);
    if (!isAuthenticated) return refusalIn(context, LOGIN_REQUIRED);
    return refusalIn(context, { statusCode: 403, message: refusing?.message ?? NOT_FOR_YOU, reason: 'forbidden' });
  }
}

/** As `@UseGuards()` took it: the class, an instance, or a class of the app's that extends it. */
function isSessionGuard(guard: unknown): boolean {
  return guard instanceof SessionGuard || guard === SessionGuard || (guard as Type)?.prototype instanceof SessionGuard;
}

/** A function that was not called, an Observable: truthy, whatever they would say. */
function isAnswerToCome(answer: unknown): boolean {
  return typeof answer === 'function' || typeof (answer as { subscribe?: unknown } | null)?.subscribe === 'function';
}

function redirection(
  context: ExecutionContext,
  { redirectTo, returnTo }: SessionRequirement,
  core: SessionCore | undefined,
): HttpException {
  const request = requestOf(context)!;
  if (returnTo && core !== undefined) keepReturnTo(core.session, request);
  rawResponse(context).setHeader('Location', redirectTo!);
  return new HttpException('Log in first.', request.method === 'GET' || request.method === 'HEAD' ? 302 : 303);
}

function isRecent(core: SessionCore, withinMs: number): boolean {
  const at = core.authenticatedAt();
  return at !== undefined && core.services.now() - at <= withinMs;
}

function recentLoginRequired(withinMs: number): Refusal {
  return {
    statusCode: 401,
    message: 'Please enter your password again.',
    reason: 'recent-login-required',
    maxAgeSeconds: Math.floor(withinMs / 1_000),
  };
}
