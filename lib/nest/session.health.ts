import { Inject, Injectable } from '@nestjs/common';
import { within } from '../common/deadline.js';
import { type Duration, toMs } from '../common/duration.js';
import { SessionManager } from '../session-manager.js';
import { newSessionId } from '../common/session-id.js';
import { isStoreError, SessionStoreError } from '../stores/session-store.error.js';

/** The result of a health check of the session store. */
export interface SessionHealth {
  readonly status: 'up' | 'down';
  /** The store's class, such as `RedisStore`. */
  readonly store: string;
  /** How long the store took to answer, in ms. */
  readonly responseTime?: number;
  /**
   * Why it is down: `TIMEOUT`, `UNAVAILABLE`, `REFUSED` or `CLOSED`. The log has details, such as hosts and ports,
   * which are not for everybody.
   */
  readonly reason?: string;
  readonly message?: string;
}

/** The result as `@nestjs/terminus` expects it: an object with one key. */
export type SessionHealthResult<K extends string = string> = Record<K, SessionHealth>;

/**
 * Checks that the session store answers:
 *
 * ```ts
 * @Get('health') @HealthCheck()
 * check() { return this.health.check([() => this.sessions.isHealthy()]); }
 * ```
 *
 * It works with terminus, and without it.
 */
@Injectable()
export class SessionHealthIndicator {
  constructor(@Inject(SessionManager) private readonly manager: SessionManager) {}

  /**
   * Asks the store for a session that doesn't exist. If the store fails, the result says so; nothing is thrown.
   *
   * @param key the part's name in the result. Default `'sessions'`.
   * @param options.timeout how long to wait for the answer, in ms or as text. Default: `storeTimeout`.
   * @throws SessionOptionsError if the timeout is no duration.
   */
  async isHealthy<K extends string = 'sessions'>(
    key: K = 'sessions' as K,
    options: { readonly timeout?: Duration | undefined } = {},
  ): Promise<SessionHealthResult<K>> {
    const limit =
      options.timeout === undefined ? this.manager.options.storeTimeoutMs : toMs(options.timeout, 'timeout');
    const store = this.manager.store.constructor.name;
    const began = performance.now();
    try {
      const { records } = this.manager;
      await within(limit, records.load(records.key(newSessionId())), () => timedOut(limit));
      return {
        [key]: { status: 'up', store, responseTime: Math.round(performance.now() - began) },
      } as SessionHealthResult<K>;
    } catch (error) {
      this.manager.notices.storeFailed('load', error);
      const reason = isStoreError(error) ? error.code : 'UNAVAILABLE';
      const message = reason === 'TIMEOUT' ? timedOut(limit).message : 'The session store failed.';
      return { [key]: { status: 'down', store, reason, message } } as SessionHealthResult<K>;
    }
  }
}

const timedOut = (ms: number): SessionStoreError =>
  new SessionStoreError('TIMEOUT', `The session store didn't answer within ${ms} ms.`);
