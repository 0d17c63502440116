import type { Session } from '../../session/session-types.js';

/** Metadata of `@RequireSession()`. */
export const REQUIREMENT = 'nestjs-keycard:requirement';
/** Metadata of `@RequireRecentLogin()`. */
export const RECENT_LOGIN = 'nestjs-keycard:recent-login';
/** Metadata of `@Public()`. */
export const PUBLIC = 'nestjs-keycard:public';

/** Whether a session is admitted. If it throws, it is refused. */
export type SessionPredicate = (session: Session) => unknown;

/** The requirement of one `@RequireSession()`. If there are several, all must agree. */
export interface SessionRequirement {
  readonly predicate: SessionPredicate | undefined;
  readonly redirectTo: string | undefined;
  readonly returnTo: boolean;
  readonly guests: boolean;
  readonly message: string | undefined;
}
