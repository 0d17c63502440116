import type { Clock } from '../stores/clock.js';
import type { SessionStore } from '../stores/session-store.js';

// By `Symbol.for`, so that a test that was loaded as CommonJS finds them in an app of ES modules.

/** The engine behind an app's sessions. */
export const SESSION_MANAGER: unique symbol = Symbol.for('nestjs-keycard.manager');
/** What a test puts in place of the app's own. */
export const SESSION_OVERRIDES: unique symbol = Symbol.for('nestjs-keycard.overrides');

/** What a test can put in place of the app's own. */
export interface SessionOverrides {
  /**
   * The time that sessions go by.
   *
   * @defaultValue the app's
   */
  readonly clock?: Clock | undefined;
  /**
   * Where sessions live.
   *
   * @defaultValue where the app keeps them
   */
  readonly store?: SessionStore | undefined;
}

/** With what a test gives only to an app that has none. */
export interface TestOverrides extends SessionOverrides {
  readonly secret?: string | undefined;
}
