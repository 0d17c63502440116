import { createParamDecorator, type ExecutionContext, type PipeTransform, type Type } from '@nestjs/common';
import { SessionStateError } from '../../common/errors.js';
import { coreOf } from '../../session/session-surface.js';
import { getSession } from '../current/get-session.js';
import { refusalIn } from '../guard/refusal.js';
import { LOGIN_REQUIRED } from '../guard/session.guard.js';

/**
 * A parameter that holds who is logged in: the id that `login()` was given, as text. Pipes work as for any parameter:
 * `@Principal(ParseIntPipe) id: number`. A request of nobody's is answered with 401, as `SessionGuard` does it; where visitors are welcome,
 * read `session.info.principal`.
 *
 * @throws UnauthorizedException if nobody is logged in.
 * @throws SessionStateError if somebody is, and `principalOf` gives no id for it.
 */
export const Principal: (...pipes: (Type<PipeTransform> | PipeTransform)[]) => ParameterDecorator =
  createParamDecorator(async (_: unknown, context: ExecutionContext): Promise<string> => {
    const core = coreOf(await getSession(context))!;
    const principal = core.isOver ? undefined : core.principal();
    if (principal !== undefined) return principal;
    if (!core.isOver && core.services.options.isAuthenticated(core.data.all(), undefined) === true)
      throw new SessionStateError(
        'UNSUPPORTED',
        '@Principal() found a session that is logged in ("isAuthenticated") but belongs to no principal: log in with session.login(id), or name the id with the option "principalOf".',
      );
    throw await refusalIn(context, LOGIN_REQUIRED);
  });
