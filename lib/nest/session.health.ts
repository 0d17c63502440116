import { Inject, Injectable } from '@nestjs/common';
import { within } from '../common/deadline.js';
import { type Duration, toMs } from '../common/duration.js';
import { SessionManager } from '../session-manager.js';
import { newSessionId } from '../common/session-id.js';
import { isStoreError, SessionStoreError } from '../stores/session-store.error.js';

/** What a health check says of the session store. */
export interface SessionHealth {
  readonly status: 'up' | 'down';
  /** The store's class, such as `RedisStore`. */
  readonly store: string;
  /** How long the store took to answer, in ms. */
  readonly responseTime?: number;
  /** Why it is down: `TIMEOUT`, `UNAVAILABLE`, `REFUSED` or `CLOSED`. The log says more; hosts and ports are not for everybody. */
  readonly reason?: string;
  readonly message?: string;
}

/** As `@nestjs/terminus` takes it: one key, and what is said of it. */
export type SessionHealthResult<K extends string = string> = Record<K, SessionHealth>;

/**
 * Whether the session store answers, for a health check:
 *
 * ```ts
 * @Get('health') @HealthCheck()
 * check() { return this.health.check([() => this.sessions.isHealthy()]); }
 * ```
 *
 * It is terminus' shape, and does without terminus as well.
 */
@Injectable()
export class SessionHealthIndicator {
  constructor(@Inject(SessionManager) private readonly manager: SessionManager) {}

  /**
   * Asks the store for a session that isn't there. Never throws for a store that fails: that is what it says.
   *
   * @param key names the part in the result. Default `'sessions'`.
   * @param options.timeout how long to wait for the answer. Default: `storeTimeout`.
   * @throws SessionOptionsError for a timeout that is no time.
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
