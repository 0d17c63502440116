export { SessionModule } from './session.module.js';
export type { SessionModuleOptions, SessionOptionsFactory, SessionRoutes } from './session.module-definition.js';
export { SessionRegistry } from './session.registry.js';
export type { SessionListQuery, SessionPage, SessionSummary } from './session.registry.js';
export { SessionHealthIndicator } from './session.health.js';
export type { SessionHealth, SessionHealthResult } from './session.health.js';

export { Session } from './decorators/session.decorator.js';
export type { SessionDecorator } from './decorators/session.decorator.js';
export { SessionId } from './decorators/session-id.decorator.js';
export { RequireRecentLogin, RequireSession } from './decorators/require-session.decorator.js';
export type { RequireSessionOptions } from './decorators/require-session.decorator.js';
export { Public } from './decorators/public.decorator.js';
export { SkipSession } from './decorators/skip-session.decorator.js';
export { takeReturnTo } from './return-to.js';
export { SessionGuard } from './guards/session.guard.js';
export type { SessionPredicate } from './guards/session-requirement.js';

export type { SessionControls, SessionData, SessionKeys, SessionOf } from './session-types.js';
export type { SessionCallback, SessionInfo } from './engine/session-controls.js';
export type { CookieOptions, SessionLogger, SessionOptions } from './engine/options.js';
export type { CookieAttributes } from './engine/session-cookie.js';
export type { Secret } from './engine/cookie-signer.js';
export type { OnSaveError, SaveErrorResponse, SaveFailure } from './engine/failure-response.js';
export type { Duration } from './engine/duration.js';
export type { ConflictResolver, OnConflict } from './engine/changes.js';
export type { Device } from './engine/facts.js';
export type { Encryption } from './engine/record-cipher.js';
export { dataOf } from './engine/session-surface.js';
export { SESSION_CHANNEL } from './engine/session-events.js';
export type { SessionEvent, SessionEventType } from './engine/session-events.js';
export {
  ReservedKeyError,
  SessionDataError,
  SessionOptionsError,
  SessionStateError,
  SessionUnavailableError,
  TooManySessionsError,
} from './engine/errors.js';

export { SessionStore } from './stores/session-store.js';
export type {
  ListedSession,
  ListQuery,
  Revision,
  SessionRecord,
  StoreCapability,
  StoredSession,
  WriteResult,
} from './stores/session-store.js';
export { SessionStoreError } from './stores/session-store.error.js';
export type { SessionStoreErrorCode } from './stores/session-store.error.js';
export { systemClock } from './stores/clock.js';
export type { Clock } from './stores/clock.js';
export { MemoryStore } from './stores/memory.store.js';
export type { MemoryStoreOptions } from './stores/memory.store.js';
export { FileStore } from './stores/file/file.store.js';
export type { FileStoreOptions } from './stores/file/file.store.js';
