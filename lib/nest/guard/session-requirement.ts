import type { Session } from '../../session/session-types.js';

/** Metadata of `@RequireSession()`. */
export const REQUIREMENT = 'nestjs-keycard:requirement';
/** Metadata of `@RequireRecentLogin()`. */
export const RECENT_LOGIN = 'nestjs-keycard:recent-login';
/** Metadata of `@Public()`. */
export const PUBLIC = 'nestjs-keycard:public';

/** Whether a session may come in. One that throws lets nobody in. */
export type SessionPredicate = (session: Session) => unknown;

/** What one `@RequireSession()` asks for. Those of a controller and a route, and stacked ones, add up. */
export interface SessionRequirement {
  readonly predicate: SessionPredicate | undefined;
  readonly redirectTo: string | undefined;
  readonly returnTo: boolean;
  readonly guests: boolean;
  readonly message: string | undefined;
}
