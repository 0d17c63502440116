import type { IncomingMessage } from 'node:http';
import type { CommitServices } from '../../commit/commit-services.js';
import type { CommitOptions } from '../../commit/plan-commit.js';
import type { RequestWrites } from '../../commit/request-writes.js';
import type { SessionWriter } from '../../commit/session-writer.js';
import type { SessionCore } from '../../session/session-core.js';
import type { SessionVerbs } from '../../session/session-host.js';
import type { SessionSurface } from '../../session/session-surface.js';
import type { SignalServices } from '../../signal/signal-services.js';
import type { LateWrites } from './late-writes.js';
import type { CookieServices, SetCookie } from './set-cookie.js';

/** What all requests of one module share. */
export interface RequestServices extends CommitServices, SignalServices, CookieServices {
  readonly surface: SessionSurface;
  readonly writer: SessionWriter;
  readonly writes: RequestWrites;
  readonly verbs: SessionVerbs<SessionCore>;
  readonly setCookie: SetCookie;
  readonly lateWrites: LateWrites;
  readonly commitOptions: CommitOptions;
  /** Finds an id with a valid signature elsewhere than in the Cookie header. Used if the header has none. */
  otherId: ((req: IncomingMessage) => string | undefined) | undefined;
  /** The value of `req.sessionStore`. */
  requestStore: unknown;
}
