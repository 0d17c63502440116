import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { show } from '../../common/duration.js';
import type { SessionCore } from '../../session/session-core.js';
import { coreOf } from '../../session/session-surface.js';
import { watchOf } from '../../signal/session-watch.js';
import { RequestSession } from '../../transports/http/request-session.js';
import { sessionIn } from './session.decorator.js';

/** The options of `@SessionSignal()`. */
export interface SessionSignalOptions {
  /**
   * Extends the idle timeout while the response is open, as requests do, at most every `touchInterval`. Only for a
   * session that is in the store by then.
   *
   * @defaultValue `false`
   */
  readonly keepAlive?: boolean | undefined;
}

/** Extends the idle timeout of a session until the response has closed. */
function keepAlive(core: SessionCore): void {
  const host = core.host;
  if (!(host instanceof RequestSession) || host.res === undefined || host.res.closed) return;
  const { services, res } = host;
  const release = watchOf(services).keepAlive(core.metadata.handle, (found) =>
    services.verbs.save(RequestSession.detachedFrom(services, found)),
  );
  res.once('close', release);
}

const parameter = createParamDecorator(
  async (options: SessionSignalOptions, context: ExecutionContext): Promise<AbortSignal> => {
    const session = await sessionIn(context);
    const core = session === undefined ? undefined : coreOf(session);
    if (core === undefined) return AbortSignal.abort();
    const signal = core.host.signalOf(core);
    if (options.keepAlive === true) keepAlive(core);
    return signal;
  },
);

/**
 * A parameter with `session.signal`, which aborts when the session ends. For event streams:
 *
 * ```ts
 * @Sse('events')
 * events(@SessionSignal({ keepAlive: true }) signal: AbortSignal) {
 *   return this.news.pipe(takeUntil(fromEvent(signal, 'abort')));
 * }
 * ```
 *
 * @throws TypeError for an unknown option, or a wrong value.
 */
export function SessionSignal(options: SessionSignalOptions = {}): ParameterDecorator {
  const [strange] = Object.keys(options).filter((name) => name !== 'keepAlive');
  if (strange !== undefined)
    throw new TypeError(`@SessionSignal() got ${show(strange)}, which is no option of it; it takes keepAlive.`);
  if (options.keepAlive !== undefined && typeof options.keepAlive !== 'boolean')
    throw new TypeError(`@SessionSignal() got ${show(options.keepAlive)} for "keepAlive"; it takes true or false.`);
  return parameter(options);
}
