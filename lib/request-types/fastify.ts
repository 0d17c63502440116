import type { Session } from '../session/session-types.js';

// Only a module that is imported can be augmented.
export type { FastifyRequest } from 'fastify';

/**
 * `import 'nestjs-keycard/fastify-request'` adds the type of `request.session` to Fastify's `FastifyRequest`: the app's
 * `SessionData` and the methods of a session. Types only, no code at run time.
 */
declare module 'fastify' {
  interface FastifyRequest {
    /** The session; `undefined` after it was destroyed. Needs `load: 'eager'`, or code that has opened it. */
    session: Session;
  }
}
