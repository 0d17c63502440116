import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import { BaseExceptionFilter, type HttpAdapterHost } from '@nestjs/core';
import { SessionUnavailableError } from '../common/errors.js';
import type { SessionManager } from '../session-manager.js';
import { httpRefusal } from './guard/refusal-exception.js';
import { SessionStoreError } from '../stores/session-store.error.js';

/**
 * The last global filter: if no filter of the app handles an error of the engine, it answers like a refusal of the
 * guard.
 */
@Catch(SessionUnavailableError, SessionStoreError)
export class SessionErrorFilter implements ExceptionFilter {
  constructor(
    private readonly manager: SessionManager,
    private readonly host: HttpAdapterHost,
  ) {}

  catch(error: SessionUnavailableError | SessionStoreError, host: ArgumentsHost): void {
    const type = host.getType<string>();
    // Nest treats an error in a gateway as handled; any other one only if something is returned.
    if (type === 'ws') void asWithoutFilter(error, host);
    if (type !== 'http') return;
    if (error instanceof SessionStoreError) this.manager.notices.storeFailed('call', error);
    // A store's message may contain hosts and ports.
    const { message } = error.expose ? error : new SessionUnavailableError();
    new BaseExceptionFilter(this.host.httpAdapter).catch(httpRefusal({ statusCode: 503, message }), host);
  }
}

async function asWithoutFilter(error: Error, host: ArgumentsHost): Promise<void> {
  const { BaseWsExceptionFilter } = await import('@nestjs/websockets');
  new BaseWsExceptionFilter().catch(error, host);
}
