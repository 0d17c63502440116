import type { Clock } from '../stores/clock.js';
import type { SessionStore } from '../stores/session-store.js';

// By `Symbol.for`, so that a test that was loaded as CommonJS finds them in an app of ES modules.

/** The engine behind an app's sessions. */
export const SESSION_MANAGER: unique symbol = Symbol.for('nestjs-keycard.manager');
/** What a test uses in place of the app's own. */
export const SESSION_OVERRIDES: unique symbol = Symbol.for('nestjs-keycard.overrides');

/** What a test can replace. */
export interface SessionOverrides {
  /**
   * The clock of the sessions.
   *
   * @defaultValue the app's
   */
  readonly clock?: Clock | undefined;
  /**
   * The store of the sessions.
   *
   * @defaultValue the app's
   */
  readonly store?: SessionStore | undefined;
}

/** Adds what a test only gives to an app that has none. */
export interface TestOverrides extends SessionOverrides {
  readonly secret?: string | undefined;
}
