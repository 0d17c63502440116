import {
  type CanActivate,
  type ExecutionContext,
  ForbiddenException,
  HttpException,
  Injectable,
  Logger,
  ServiceUnavailableException,
  UnauthorizedException,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { ServerResponse } from 'node:http';
import { SessionUnavailableError } from '../engine/errors.js';
import type { SessionCore } from '../engine/session-core.js';
import { requestOf, requestSessionOf } from '../request-of.js';
import type { Session } from '../session-types.js';
import { PUBLIC, RECENT_LOGIN, REQUIREMENT, type SessionRequirement } from './session-requirement.js';

/**
 * Lets in who is logged in: `isAuthenticated`, or the predicate of `@RequireSession()`. Others get a 401 (403 where they are logged in and the
 * predicate says no), or are sent to `redirectTo`. Where the store failed it lets nobody in and says 503.
 */
@Injectable()
export class SessionGuard implements CanActivate {
  private readonly logger = new Logger(SessionGuard.name);
  private readonly reflector = new Reflector();

  /**
   * @throws UnauthorizedException with `reason` `login-required` or `recent-login-required`
   * @throws ForbiddenException
   * @throws ServiceUnavailableException
   */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    if (this.isPublic(context)) return true;
    const requirement = this.reflector.getAllAndOverride<SessionRequirement | undefined>(REQUIREMENT, targets);
    const recentMs = this.reflector.getAllAndOverride<number | undefined>(RECENT_LOGIN, targets);
    const core = await this.coreIn(context);
    const isAuthenticated = core !== undefined && this.isAuthenticated(core);
    if (!(await this.mayEnter(requirement, core, isAuthenticated)))
      this.refuse(context, requirement?.redirectTo, isAuthenticated);
    if (recentMs !== undefined && !isRecent(core!, recentMs)) throw recentLoginRequired(recentMs);
    return true;
  }

  /** What is closer to the route counts: a public controller doesn't open a route that asks for a login by itself. */
  private isPublic(context: ExecutionContext): boolean {
    const handler = context.getHandler();
    const asks = [REQUIREMENT, RECENT_LOGIN].some((key) => this.reflector.get<unknown>(key, handler) !== undefined);
    return (
      !asks && this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC, [handler, context.getClass()]) === true
    );
  }

  private async coreIn(context: ExecutionContext): Promise<SessionCore | undefined> {
    const request = requestSessionOf(context);
    await request.open();
    if (request.hasFailed) {
      throw new ServiceUnavailableException({
        statusCode: 503,
        error: 'Service Unavailable',
        message: new SessionUnavailableError().message,
      });
    }
    const core = request.currentCore;
    // A record that can't be read turns into a new session when it is looked into.
    return core?.session === undefined ? undefined : core;
  }

  private isAuthenticated(core: SessionCore): boolean {
    try {
      return core.manager.options.isAuthenticated(core.data(), core.principal()) === true;
    } catch (error) {
      this.logger.error(
        '"isAuthenticated" threw, so nobody is let in.',
        error instanceof Error ? error.stack : String(error),
      );
      return false;
    }
  }

  private async mayEnter(
    requirement: SessionRequirement | undefined,
    core: SessionCore | undefined,
    isAuthenticated: boolean,
  ): Promise<boolean> {
    if (core === undefined || requirement?.predicate === undefined) return isAuthenticated;
    try {
      return Boolean(await requirement.predicate(core.session as Session));
    } catch (error) {
      this.logger.error(
        'The predicate of @RequireSession() threw, so nobody is let in.',
        error instanceof Error ? error.stack : String(error),
      );
      return false;
    }
  }

  private refuse(context: ExecutionContext, redirectTo: string | undefined, isAuthenticated: boolean): never {
    if (redirectTo !== undefined) {
      const method = requestOf(context)?.method;
      context.switchToHttp().getResponse<ServerResponse>().setHeader('Location', redirectTo);
      throw new HttpException('Log in first.', method === 'GET' || method === 'HEAD' ? 302 : 303);
    }
    if (isAuthenticated) throw new ForbiddenException('You are logged in, but this is not open to you.');
    throw new UnauthorizedException({
      statusCode: 401,
      error: 'Unauthorized',
      message: 'Please log in.',
      reason: 'login-required',
    });
  }
}

function isRecent(core: SessionCore, withinMs: number): boolean {
  const at = core.authenticatedAt();
  return at !== undefined && core.manager.now() - at <= withinMs;
}

function recentLoginRequired(withinMs: number): UnauthorizedException {
  return new UnauthorizedException({
    statusCode: 401,
    error: 'Unauthorized',
    message: 'Please enter your password again.',
    reason: 'recent-login-required',
    maxAgeSeconds: Math.floor(withinMs / 1_000),
  });
}
