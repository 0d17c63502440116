import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { coreOf } from '../../session/session-surface.js';
import { sessionIn } from './session.decorator.js';

/**
 * A parameter that holds `session.signal`, which aborts when the session ends. For event streams:
 *
 * ```ts
 * @Sse('events')
 * events(@SessionSignal() signal: AbortSignal) {
 *   return this.news.pipe(takeUntil(fromEvent(signal, 'abort')));
 * }
 * ```
 */
export const SessionSignal: () => ParameterDecorator = createParamDecorator(
  async (_: unknown, context: ExecutionContext): Promise<AbortSignal> => {
    const session = await sessionIn(context);
    const core = session === undefined ? undefined : coreOf(session);
    return core === undefined ? AbortSignal.abort() : core.host.signalOf(core);
  },
);
