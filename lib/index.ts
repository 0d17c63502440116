export { SessionModule } from './nest/session.module.js';
export type { SessionModuleOptions, SessionOptionsFactory, SessionRoutes } from './nest/session.module-definition.js';
export { SessionRegistry } from './nest/session.registry.js';
export type { SessionListQuery, SessionPage } from './nest/session-list.js';
export { SessionHealthIndicator } from './nest/session.health.js';
export type { SessionHealth, SessionHealthResult } from './nest/session.health.js';

export { Session } from './nest/decorators/session.decorator.js';
export type { SessionDecorator } from './nest/decorators/session.decorator.js';
export { Session as KeycardSession } from './nest/decorators/session.decorator.js';
export { Principal } from './nest/decorators/principal.decorator.js';
export { getSession } from './nest/current/get-session.js';
export { CurrentSession } from './nest/current/current-session.js';
export { Flash } from './nest/decorators/flash.decorator.js';
export { FlashMessages } from './nest/current/flash-messages.js';
export { OpenSession } from './nest/current/open-session.guard.js';
export { SessionId } from './nest/decorators/session-id.decorator.js';
export { SessionSignal, type SessionSignalOptions } from './nest/decorators/session-signal.decorator.js';
export { RequireRecentLogin, RequireSession } from './nest/decorators/require-session.decorator.js';
export type { RequireSessionOptions } from './nest/decorators/require-session.decorator.js';
export { Public } from './nest/decorators/public.decorator.js';
export { SkipSession } from './nest/decorators/skip-session.decorator.js';
export { takeReturnTo } from './nest/return-to.js';
export { SessionGuard } from './nest/guard/session.guard.js';
export type { SessionPredicate } from './nest/guard/session-requirement.js';

export type { SessionControls, SessionData, SessionKeys, SessionOf } from './session/session-types.js';
export type { SessionCallback, SessionInfo, SessionSummary } from './session/session-controls.js';
export type { LoginOptions } from './session/login-options.js';
export type { CookieOptions, SessionLogger, SessionOptions } from './options/options.js';
export type { CookieAttributes } from './cookie/cookie-attributes.js';
export type { Secret } from './cookie/cookie-signer.js';
export type { OnSaveError, SaveErrorResponse, SaveFailure } from './options/save-failure.js';
export type { Duration } from './common/duration.js';
export type { ConflictResolver, OnConflict } from './common/merge.js';
export type { Device } from './record/session-metadata.js';
export type { Encryption } from './options/encryption-option.js';
export { dataOf } from './session/session-surface.js';
export { SESSION_CHANNEL } from './common/session-events.js';
export type { SessionEvent, SessionEventType } from './common/session-events.js';
export {
  ReservedKeyError,
  SessionDataError,
  SessionOptionsError,
  SessionStateError,
  SessionUnavailableError,
  TooManySessionsError,
} from './common/errors.js';

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
export type { SessionBus } from './stores/session-bus.js';
export { MemoryStore } from './stores/memory.store.js';
export type { MemoryStoreOptions } from './stores/memory.store.js';
export { FileStore } from './stores/file/file.store.js';
export type { FileStoreOptions } from './stores/file/file-store.options.js';
