import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { getSession } from './get-session.js';

/**
 * Lets everybody in, and reads the session on the way. With `load: 'lazy'`, put it before a guard that reads `req.session` by itself, such as
 * passport's:
 *
 * ```ts
 * @UseGuards(OpenSession, AuthGuard('oauth2'))
 * ```
 */
export class OpenSession implements CanActivate {
  /** @throws as `getSession()` does. */
  async canActivate(context: ExecutionContext): Promise<true> {
    await getSession(context);
    return true;
  }
}
