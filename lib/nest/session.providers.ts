import cluster from 'node:cluster';
import { Logger, type Provider } from '@nestjs/common';
import { SessionOptionsError } from '../common/errors.js';
import { show } from '../common/duration.js';
import type { SessionLogger } from '../options/options.js';
import { assertOptions, type ResolvedOptions, resolveOptions } from '../options/resolve-options.js';
import { SessionManager } from '../session-manager.js';
import { can, isExpressStore } from '../express/express-store-like.js';
import { fromExpressStore } from '../express/from-express-store.js';
import { MODULE_OPTIONS_TOKEN, type SessionModuleOptions } from './session.module-definition.js';
import { FlashMessages } from './current/flash-messages.js';
import { CurrentSession } from './current/current-session.js';
import { SessionHealthIndicator } from './session.health.js';
import { SessionRegistry } from './session.registry.js';
import { SESSION_MANAGER, SESSION_OVERRIDES, type SessionOverrides, type TestOverrides } from './session.tokens.js';
import { MemoryStore } from '../stores/memory.store.js';
import { isSessionStore, SessionStore } from '../stores/session-store.js';

/** The options, checked. */
const RESOLVED = Symbol('nestjs-keycard.resolved-options');

// The manager gets its store by the public token, so a test that overrides SessionStore overrides it everywhere.
export const sessionProviders: Provider[] = [
  // Replaced by what forRoot() and forRootAsync() provide.
  { provide: MODULE_OPTIONS_TOKEN, useFactory: missingOptions },
  { provide: SESSION_OVERRIDES, useValue: {} },
  { provide: RESOLVED, useFactory: resolve, inject: [MODULE_OPTIONS_TOKEN, SESSION_OVERRIDES] },
  {
    provide: SessionStore,
    useFactory: ({ store }: SessionModuleOptions, resolved: ResolvedOptions, overrides: SessionOverrides) =>
      overrides.store ?? storeOf(store, resolved.logger, resolved.clock),
    inject: [MODULE_OPTIONS_TOKEN, RESOLVED, SESSION_OVERRIDES],
  },
  {
    provide: SessionManager,
    useFactory: (resolved: ResolvedOptions, store: SessionStore) => new SessionManager(resolved, store),
    inject: [RESOLVED, SessionStore],
  },
  { provide: SESSION_MANAGER, useExisting: SessionManager },
  SessionHealthIndicator,
  CurrentSession,
  { provide: FlashMessages, useFactory: () => new FlashMessages(() => new CurrentSession().get()) },
  {
    provide: SessionRegistry,
    useFactory: (manager: SessionManager) => new SessionRegistry(manager),
    inject: [SessionManager],
  },
];

function missingOptions(): never {
  throw new SessionOptionsError(
    "SessionModule was imported without options: write SessionModule.forRoot({ secret }) or forRootAsync() in the root module's imports, and leave it out of all others, as it is global.",
  );
}

function resolve(options: SessionModuleOptions, { clock, secret }: TestOverrides): ResolvedOptions {
  assertOptions(options);
  const given = { ...options, logger: options.logger ?? nestLogger() };
  if (secret !== undefined && !given.secret) given.secret = secret;
  return resolveOptions(clock === undefined ? given : { ...given, clock });
}

function storeOf(
  given: object | null | undefined,
  logger: SessionLogger,
  clock: SessionModuleOptions['clock'],
): SessionStore {
  const production = process.env.NODE_ENV === 'production';
  if (given === undefined) {
    if (production) {
      throw new SessionOptionsError(
        '"store" got nothing, which is an error in production. Give a store that outlives the process and that all processes share, such as RedisStore. If sessions may be lost, say so with new MemoryStore().',
      );
    }
    warnOfWorkers(logger);
    return new MemoryStore(clock === undefined ? {} : { clock });
  }
  // By name, as express-session has a MemoryStore too.
  const inMemory = given instanceof MemoryStore || given?.constructor?.name === 'MemoryStore';
  if (inMemory && !warnOfWorkers(logger) && production) {
    logger.warn('Sessions are in a MemoryStore: they end with this process, and no other process sees them.');
  }
  if (isSessionStore(given)) return saidOf(given, logger);
  if (isExpressStore(given) && can(given, 'destroy'))
    return saidOf(fromExpressStore(given, clock === undefined ? {} : { clock }), logger);
  throw new SessionOptionsError(
    `"store" got ${show(given)}; it takes a SessionStore, or an express-session store with get, set and destroy.`,
  );
}

/** Warns if several workers have a MemoryStore each: a request may go to any of them. */
function warnOfWorkers(logger: SessionLogger): boolean {
  if (!cluster.isWorker) return false;
  logger.warn(
    "Sessions are in a MemoryStore, but this process is one of several workers (cluster). Workers do not see each other's sessions, so logins are lost between requests. Use a store that all workers share, such as RedisStore, or FileStore on one machine.",
  );
  return true;
}

/** Logs once at start what an express-session store can't do. */
function saidOf(store: SessionStore, logger: SessionLogger): SessionStore {
  const { describeLimits } = store as { describeLimits?: () => string };
  if (describeLimits !== undefined) logger.warn(describeLimits.call(store));
  return store;
}

function nestLogger(): SessionLogger {
  const logger = new Logger('Session');
  return {
    warn: (message) => logger.warn(message),
    error: (message, cause) => logger.error(message, cause instanceof Error ? cause.stack : cause),
  };
}
