import { SESSION, sessionOf, type SessionRequest } from '../transports/http/lifecycle.js';
import type { RequestSession } from '../transports/http/request-session.js';
import type { SessionValues } from '../record/record-text.js';
import { METADATA_KEY } from '../common/metadata-key.js';
import type { Session } from './session.js';

/** The `RequestSession` of a request, in either build of this package. */
export const liveOf = (request: object): RequestSession | undefined => sessionOf(request as SessionRequest);

/** `store.generate(req)`: continues with a new session; the old record stays as it is. */
export function startOver(request: object, live: RequestSession): void {
  // `delete req.session` has removed the accessor.
  if (!Object.hasOwn(request, 'session')) Object.defineProperty(request, 'session', SESSION);
  live.startOver();
}

/** `store.createSession(req, data)` during a request: puts the data into its session. */
export function adoptSession(request: object, data: object): Session | undefined {
  const core = liveOf(request)?.currentCore;
  if (core === undefined) return undefined;
  const { cookie: _cookie, [METADATA_KEY]: _metadata, ...values } = data as SessionValues;
  core.data.become(values);
  return core.session as Session;
}
