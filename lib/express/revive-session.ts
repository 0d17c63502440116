import type { SessionObject } from './express-sessions.js';

/** What express-session keeps on a request. */
export interface SessionRequest {
  sessionID: string;
  session?: (object & { cookie: object }) | undefined;
}

/**
 * The classes of a session and its cookie. express-session doesn't export them, but `generate` makes objects of them.
 */
interface Classes {
  readonly Session: new (request: SessionRequest, data: object) => object & { cookie: object };
  readonly cookiePrototype: object;
}

const known = new WeakMap<object, Classes>();

/** Makes a stored session the current one of a request, like express-session's `Store.createSession`. */
export function reviveSession(
  generate: (request: SessionRequest) => void,
  request: SessionRequest,
  stored: SessionObject,
): object {
  const { Session, cookiePrototype } = known.get(generate) ?? classesOf(generate, request);
  const { expires, originalMaxAge } = stored.cookie;
  const cookie = Object.assign(Object.create(cookiePrototype) as object, { path: '/', maxAge: null, httpOnly: true });
  for (const [key, value] of Object.entries(stored.cookie)) if (key !== 'data') Object.assign(cookie, { [key]: value });
  if (typeof expires === 'string') Object.assign(cookie, { expires: new Date(expires) });
  // Set last, as setting an expiry overwrites it.
  Object.assign(cookie, { originalMaxAge });
  request.session = new Session(request, { ...stored, cookie });
  return request.session;
}

function classesOf(generate: (request: SessionRequest) => void, request: SessionRequest): Classes {
  const { sessionID, session } = request;
  generate(request);
  const sample = request.session!;
  request.sessionID = sessionID;
  request.session = session;
  const classes = {
    Session: sample.constructor as Classes['Session'],
    cookiePrototype: Object.getPrototypeOf(sample.cookie) as object,
  };
  known.set(generate, classes);
  return classes;
}
