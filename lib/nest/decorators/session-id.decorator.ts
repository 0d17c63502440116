import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { coreOf } from '../../session/session-surface.js';
import { sessionIn } from './session.decorator.js';

/**
 * A parameter with the session's id; `undefined` after the session was destroyed. It is a secret: never log it, and
 * never send it in a body.
 */
export const SessionId: () => ParameterDecorator = createParamDecorator(
  async (_: unknown, context: ExecutionContext) => {
    const session = await sessionIn(context);
    return session === undefined ? undefined : coreOf(session)?.id;
  },
);
