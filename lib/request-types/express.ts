import type { Session } from '../session/session-types.js';

// Only a module that is imported can be augmented.
export type { Request } from 'express-serve-static-core';

/**
 * `import 'nestjs-keycard/express-request'` adds the type of `req.session` to Express's `Request`: the app's
 * `SessionData` and the methods of a session. If @types/express-session is installed too, `req.session` has both types.
 * Types only, no code at run time.
 */
declare module 'express-serve-static-core' {
  interface Request {
    /** The session; `undefined` after it was destroyed. Needs `load: 'eager'`, or code that has opened it. */
    session: Session & (Express.Request extends { session: infer Declared } ? Declared : unknown);
    /** The session's id. It is a secret: never log it, and never send it in a body. */
    sessionID: string;
  }
}
