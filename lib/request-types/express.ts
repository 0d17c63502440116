import type { Session } from '../session/session-types.js';

// A module that nothing imports can't be added to.
export type { Request } from 'express-serve-static-core';

/**
 * `import 'nestjs-keycard/express-request'` types `req.session` on Express's `Request`: the app's `SessionData`, and what a session can do.
 * If @types/express-session is installed too, `req.session` has what both declare. Types only: nothing at run time.
 */
declare module 'express-serve-static-core' {
  interface Request {
    /** The session; `undefined` after it was destroyed. Needs `load: 'eager'`, or something that has opened it. */
    session: Session & (Express.Request extends { session: infer Declared } ? Declared : unknown);
    /** The session's id. Never log it, never send it back. */
    sessionID: string;
  }
}
