import type { Session } from '../session/session-types.js';

// A module that nothing imports can't be added to.
export type { FastifyRequest } from 'fastify';

/**
 * `import 'nestjs-keycard/fastify-request'` types `request.session` on Fastify's `FastifyRequest`: the app's `SessionData`, and what a session
 * can do. Types only: nothing at run time.
 */
declare module 'fastify' {
  interface FastifyRequest {
    /** The session; `undefined` after it was destroyed. Needs `load: 'eager'`, or something that has opened it. */
    session: Session;
  }
}
