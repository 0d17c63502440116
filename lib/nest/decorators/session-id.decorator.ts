import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { coreOf } from '../../session/session-surface.js';
import { sessionIn } from './session.decorator.js';

/** A parameter that holds the session's id; `undefined` after it was destroyed. Never log it, never send it back. */
export const SessionId: () => ParameterDecorator = createParamDecorator(
  async (_: unknown, context: ExecutionContext) => {
    const session = await sessionIn(context);
    return session === undefined ? undefined : coreOf(session)?.id;
  },
);
