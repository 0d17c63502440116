import { METADATA_KEY } from '../common/metadata-key.js';
import { type SessionSurface, withoutReserved } from '../session/session-surface.js';
import { Cookie } from './cookie.js';
import { Session } from './session.js';

/** The names that express-session itself keeps, and those that no record may bring in. */
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

/** What an app of express-session sees of a session. */
export function expressSurface(keepsCookie: boolean): SessionSurface {
  return {
    create: (core) => new Session(core),
    data: (session) => withoutReserved(session, RESERVED),
    reserved: RESERVED,
    strict: false,
    cacheControl: false,
    keepsCookie,
    // A browser-session cookie needs no second sending: nothing of it has changed.
    sendsCookie: (core) =>
      core.services.options.rolling || core.cookieWasChanged || (core.wasChanged && core.cookie.expires !== null),
    createCookie: (attributes, now) => new Cookie(attributes, now),
  };
}
