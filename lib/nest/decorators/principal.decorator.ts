import { createParamDecorator, type ExecutionContext, type PipeTransform, type Type } from '@nestjs/common';
import { SessionStateError } from '../../common/errors.js';
import { coreOf } from '../../session/session-surface.js';
import { getSession } from '../current/get-session.js';
import { refusalIn } from '../guard/refusal-exception.js';
import { LOGIN_REQUIRED } from '../guard/session.guard.js';

/**
 * A parameter with the principal: the id that was given to `login()`, as text. Pipes work as for any parameter:
 * `@Principal(ParseIntPipe) id: number`. If nobody is logged in, the answer is 401, as by `SessionGuard`. For routes
 * that are open to visitors, read `session.info.principal`.
 *
 * @throws UnauthorizedException if nobody is logged in.
 * @throws SessionStateError if somebody is, but `principalOf` returns no id.
 */
export const Principal: (...pipes: (Type<PipeTransform> | PipeTransform)[]) => ParameterDecorator =
  createParamDecorator(async (_: unknown, context: ExecutionContext): Promise<string> => {
    const core = coreOf(await getSession(context))!;
    const principal = core.isOver ? undefined : core.principal();
    if (principal !== undefined) return principal;
    if (!core.isOver && core.services.options.isAuthenticated(core.data.all(), undefined) === true)
      throw new SessionStateError(
        'UNSUPPORTED',
        '@Principal() found a session that is logged in ("isAuthenticated") but has no principal. Log in with session.login(id), or return the id from the option "principalOf".',
      );
    throw await refusalIn(context, LOGIN_REQUIRED);
  });
