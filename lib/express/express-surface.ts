import { METADATA_KEY } from '../common/metadata-key.js';
import { type SessionSurface, withoutReserved } from '../session/session-surface.js';
import { Cookie } from './cookie.js';
import { Session } from './session.js';

/** The names that express-session reserves, and those that a record must not set. */
const RESERVED: ReadonlySet<string> = new Set([
  'id',
  'req',
  'cookie',
  'touch',
  'resetMaxAge',
  'save',
  'reload',
  'destroy',
  'regenerate',
  METADATA_KEY,
  '__proto__',
]);

/** The session API of express-session. */
export function expressSurface(keepsCookie: boolean): SessionSurface {
  return {
    create: (core) => new Session(core),
    data: (session) => withoutReserved(session, RESERVED),
    reserved: RESERVED,
    strict: false,
    cacheControl: false,
    keepsCookie,
    // A cookie without an expiry needn't be sent again, as nothing about it has changed.
    sendsCookie: (core) =>
      core.services.options.rolling || core.cookieWasChanged || (core.wasChanged && core.cookie.expires !== null),
    createCookie: (attributes, now) => new Cookie(attributes, now),
  };
}
