import { type CanActivate, type ExecutionContext, ForbiddenException, Injectable } from '@nestjs/common';
import type { Request } from 'express';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * The defence against cross-site request forgery. A `SameSite=Lax` cookie doesn't come with another site's POST; this
 * guard refuses what that leaves: another origin of the same site (`evil.example.com` to `app.example.com`), and logging
 * somebody in to the attacker's account, for which no cookie is needed and a token in the session would come too late.
 *
 * Browsers say where a request comes from, and no page can change what they say: `Sec-Fetch-Site` (all since 2023, on
 * https and localhost), else `Origin`. A client that sends neither is no browser, so it carries nobody's cookies unasked.
 */
@Injectable()
export class SameOriginGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { method, headers } = context.switchToHttp().getRequest<Request>();
    if (SAFE_METHODS.has(method)) return true;
    const site = headers['sec-fetch-site'];
    if (site === undefined ? isOwnOrigin(headers.origin, headers.host) : site === 'same-origin' || site === 'none') {
      return true;
    }
    throw new ForbiddenException('This form was sent from another site, so nothing was done.');
  }
}

function isOwnOrigin(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}
