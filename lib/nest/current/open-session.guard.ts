import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { getSession } from './get-session.js';

/**
 * Admits everybody, and reads the session. With `load: 'lazy'`, put it before a guard that accesses `req.session`
 * itself, such as passport's:
 *
 * ```ts
 * @UseGuards(OpenSession, AuthGuard('oauth2'))
 * ```
 */
export class OpenSession implements CanActivate {
  /** @throws like `getSession()`. */
  async canActivate(context: ExecutionContext): Promise<true> {
    await getSession(context);
    return true;
  }
}
