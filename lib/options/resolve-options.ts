import type { IncomingMessage } from 'node:http';
import { show } from '../common/duration.js';
import { SessionOptionsError } from '../common/errors.js';
import { readByRules } from '../common/option-rules.js';
import { scrubbed } from '../common/scrubbed-error.js';
import type { Secret } from '../cookie/cookie-signer.js';
import type { CookieAttributes } from '../cookie/cookie-attributes.js';
import { cookieAttributes, type CookieContext, cookieName } from './cookie-options.js';
import type { SessionLogger, SessionOptions } from './options.js';
import { secretsOf } from './secret-options.js';
import {
  checkNames,
  DEFAULT_ABSOLUTE_MS,
  DEFAULT_COOKIE,
  DEFAULT_IDLE_MS,
  placeOf,
  type ReadSessionOptions,
  SESSION_OPTIONS,
  warnOfShortLives,
} from './session-option-rules.js';

/** Options that keep their name and value. */
type Kept = Omit<
  ReadSessionOptions,
  | 'secret'
  | 'store'
  | 'name'
  | 'cookie'
  | 'allowShortSecret'
  | 'idleTimeout'
  | 'absoluteTimeout'
  | 'renewAfter'
  | 'renewGrace'
  | 'touchInterval'
  | 'storeTimeout'
  | 'logger'
>;

/** The options, checked and with defaults; durations in ms. Frozen. */
export interface ResolvedOptions extends Kept {
  readonly secrets: readonly Secret[];
  readonly name: string;
  readonly cookie: CookieAttributes;
  readonly cookieFor: ((req: IncomingMessage) => CookieAttributes) | undefined;
  readonly idleMs: number;
  /** Whether `idleTimeout` was given. Then the lifetime of a cookie can't change it. */
  readonly idleIsExplicit: boolean;
  readonly absoluteMs: number;
  /** Whether `absoluteTimeout` was given. Then the lifetime of a session's cookie can't extend it. */
  readonly absoluteIsExplicit: boolean;
  readonly renewAfterMs: number;
  readonly renewGraceMs: number;
  readonly touchIntervalMs: number;
  readonly storeTimeoutMs: number;
  readonly logger: SessionLogger;
}

/** How the defaults of an API differ. */
export interface ResolveContext extends CookieContext {
  readonly production?: boolean;
  readonly cookieDefaults?: CookieAttributes;
  /** Whether every secret is accepted, as in express-session. */
  readonly anySecret?: boolean;
}

/**
 * Checks the options and adds the defaults. The caller's object is never changed.
 *
 * @throws SessionOptionsError: one sentence with the option, the value that was given and what it takes.
 */
export function resolveOptions(options: SessionOptions, context: ResolveContext = {}): ResolvedOptions {
  assertOptions(options);
  checkNames(options);
  const read = readByRules(SESSION_OPTIONS, options, placeOf);
  const logger = read.logger ?? consoleLogger;
  const production = context.production ?? process.env.NODE_ENV === 'production';
  const name = cookieName(options.name ?? 'sid');
  const cookieOf = (given: unknown): CookieAttributes =>
    cookieAttributes(given, context.cookieDefaults ?? DEFAULT_COOKIE, name, context);
  const { cookie: given = {} } = options;
  const cookie = cookieOf(typeof given === 'function' ? {} : given);
  const idleMs = read.idleTimeout ?? cookie.maxAge ?? DEFAULT_IDLE_MS;
  checkMigration(read);
  if (!context.anySecret) warnOfShortLives(options, logger);
  const {
    secret: _secret, store: _store, allowShortSecret: _short, idleTimeout, absoluteTimeout, renewAfter, renewGrace, touchInterval,
    storeTimeout, ...kept
  } = read; // prettier-ignore
  return Object.freeze({
    ...kept,
    secrets: secretsOf(options, production && !context.anySecret, logger, context.anySecret === true),
    name,
    cookie,
    cookieFor: typeof given === 'function' ? (req: IncomingMessage) => cookieOf(given(req)) : undefined,
    idleMs,
    idleIsExplicit: idleTimeout !== undefined,
    absoluteMs: absoluteMs(read, idleMs, cookie.maxAge ?? 0, options),
    absoluteIsExplicit: absoluteTimeout !== undefined,
    renewAfterMs: renewAfter,
    renewGraceMs: renewGrace,
    touchIntervalMs: Math.min(touchInterval, idleMs / 10),
    storeTimeoutMs: storeTimeout,
    logger: {
      warn: (message: string) => logger.warn(message),
      error: (message: string, cause?: unknown) => logger.error(message, scrubbed(cause)),
    },
  });
}

/** @throws SessionOptionsError if the options are no object, such as what a factory without a `return` returns. */
export function assertOptions(options: unknown): asserts options is object {
  if (typeof options === 'object' && options !== null) return;
  throw new SessionOptionsError(
    `The session options got ${show(options)}; it takes an object with at least a "secret".`,
  );
}

function absoluteMs(read: ReadSessionOptions, idleMs: number, maxAge: number, given: SessionOptions): number {
  const { absoluteTimeout, idleTimeout } = read;
  if (absoluteTimeout === false) return Infinity;
  if (absoluteTimeout === undefined) return Math.max(DEFAULT_ABSOLUTE_MS, maxAge);
  if (idleTimeout !== undefined && absoluteTimeout < idleMs) {
    throw new SessionOptionsError(
      `"idleTimeout" got ${show(given.idleTimeout)}, which is longer than "absoluteTimeout" (${show(given.absoluteTimeout)}); shorten it, or raise "absoluteTimeout".`,
    );
  }
  return absoluteTimeout;
}

function checkMigration({ migrate, schemaVersion }: ReadSessionOptions): void {
  if (migrate === undefined || schemaVersion !== undefined) return;
  throw new SessionOptionsError(
    '"schemaVersion" got nothing, but "migrate" is set; give the version of the data that "migrate" returns, a whole number above 0.',
  );
}

const consoleLogger: SessionLogger = {
  warn: (message) => console.warn(`[session] ${message}`),
  error: (message, cause) =>
    cause === undefined ? console.error(`[session] ${message}`) : console.error(`[session] ${message}`, cause),
};
