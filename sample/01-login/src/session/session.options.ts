import type { SessionModuleOptions } from 'nestjs-keycard';
import './session-data.js';
import { sessionSecret } from './session-secret.js';
import { createStore } from './session-store.js';

/** The options of `SessionModule`: what an app of one's own would take from its configuration. */
export async function sessionOptions(): Promise<SessionModuleOptions> {
  return {
    secret: sessionSecret(),
    store: await createStore(),
    // The cookie outlives the idle time, so that a visitor who comes back late can be told why they have to log in.
    cookie: { maxAge: '7d', sameSite: 'lax', secure: 'auto' },
    idleTimeout: process.env.SESSION_IDLE ?? '30m',
    absoluteTimeout: '7d',
    // Style sheets and scripts need no session: no store call for them. The lab has sessions of its own.
    exclude: ['/assets/*path', '/lab/api/*path'],
  };
}
