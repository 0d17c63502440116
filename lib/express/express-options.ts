import type { IncomingMessage } from 'node:http';
import type { Secret } from '../cookie/cookie-signer.js';
import type { CookieOptions, SessionLogger, SessionOptions } from '../options/options.js';
import { resolveOptions, type ResolvedOptions } from '../options/resolve-options.js';
import type { SessionStore } from '../stores/session-store.js';
import { attributesOf, type CookieInit } from './cookie.js';
import type { ExpressStoreLike } from './express-store-like.js';

/** The cookie's attributes, as express-session takes them. */
export interface ExpressCookieOptions extends Omit<CookieInit, 'originalMaxAge'> {
  /** Accepted and ignored, as in express-session. */
  signed?: boolean | undefined;
  encode?: ((value: string) => string) | undefined;
}

type OfOurs = Omit<SessionOptions, 'secret' | 'store' | 'cookie' | 'genid' | 'load' | 'allowShortSecret'>;

/** The options of express-session, and ours. */
export interface ExpressSessionOptions extends OfOurs {
  /** Signs the cookie. One or more, of any length: the first signs, all verify. Left out: `req.secret`, as cookie-parser sets it. */
  secret?: Secret | readonly Secret[] | undefined;
  /**
   * A store of express-session, or one of ours.
   *
   * @defaultValue `new MemoryStore()`
   */
  store?: ExpressStoreLike | SessionStore | undefined;
  /**
   * The cookie's name.
   *
   * @defaultValue `'connect.sid'`
   */
  name?: string | undefined;
  /** The old name of `name`, which has precedence. */
  key?: string | undefined;
  /**
   * The cookie's attributes.
   *
   * @defaultValue `{ path: '/', httpOnly: true }`
   */
  cookie?: ExpressCookieOptions | ((req: IncomingMessage) => ExpressCookieOptions) | undefined;
  /**
   * Makes ids.
   *
   * @defaultValue 24 random bytes, base64url
   */
  genid?: ((req: IncomingMessage) => string) | undefined;
  /**
   * Writes the session at each request, although nothing changed.
   *
   * @defaultValue `true`, with a note to choose
   */
  resave?: boolean | undefined;
  /**
   * Stores a new session, and sets a cookie, for every visitor.
   *
   * @defaultValue `true`, with a note to choose
   */
  saveUninitialized?: boolean | undefined;
  /**
   * Sends the cookie with every response.
   *
   * @defaultValue `false`
   */
  rolling?: boolean | undefined;
  /**
   * Whether `X-Forwarded-Proto` is believed.
   *
   * @defaultValue what the framework says (`req.secure`)
   */
  proxy?: boolean | undefined;
  /**
   * How long a session lives, however active it is.
   *
   * @defaultValue `false`, none, as in express-session
   */
  absoluteTimeout?: SessionOptions['absoluteTimeout'];
  /**
   * Keeps user agent and IP with the session.
   *
   * @defaultValue `false`, as in express-session
   */
  device?: boolean | undefined;
  /**
   * Leaves the cookie in the browser when a session is destroyed, as express-session does.
   *
   * @defaultValue `false`: the cookie is cleared
   */
  keepCookieOnDestroy?: boolean | undefined;
}

/** What `resolveOptions` knows, and express-session has no word for. */
const OURS = [
  'idleTimeout',
  'absoluteTimeout',
  'renewAfter',
  'renewGrace',
  'touchInterval',
  'onStoreError',
  'onSaveError',
  'storeTimeout',
  'maxRecordBytes',
  'onConflict',
  'principalOf',
  'isAuthenticated',
  'maxSessionsPerPrincipal',
  'onTooMany',
  'device',
  'schema',
  'schemaVersion',
  'migrate',
  'hashIds',
  'encryption',
  'bindTo',
  'onMismatch',
  'clock',
  'logger',
] as const satisfies readonly (keyof OfOurs)[];

const COOKIE_DEFAULTS = { path: '/', httpOnly: true } as const;

/** With it `Date` still reaches the end of the cookie, for the next 20 000 years. */
const LONGEST_COOKIE_MS = 8e15;

/** Stands in for a secret that each request brings itself. */
const NO_SECRET = 'without a secret nothing is ever signed';

/** Checks what express-session checks, with its words. Says what it says about defaults that are to change. */
export function readOptions(options: ExpressSessionOptions): {
  readonly resolve: (secret?: unknown) => ResolvedOptions;
} {
  const { secret, genid, unset } = options;
  if (genid && typeof genid !== 'function') throw new TypeError('genid option must be a function');
  if (unset && unset !== 'destroy' && unset !== 'keep') throw new TypeError('unset option must be "destroy" or "keep"');
  if (Array.isArray(secret) && secret.length === 0)
    throw new TypeError('secret option array must contain one or more strings');
  const warn = warner(options.logger);
  if (options.resave === undefined) warn('undefined resave option; provide resave option');
  if (options.saveUninitialized === undefined)
    warn('undefined saveUninitialized option; provide saveUninitialized option');
  if (!secret) warn('req.secret; provide secret option');
  const mapped = mapOptions(options);
  const context = {
    anySecret: true,
    cookieDefaults: COOKIE_DEFAULTS,
    unusableCookie: warn,
    longestCookie: LONGEST_COOKIE_MS,
  };
  return { resolve: (own) => resolveOptions({ ...mapped, secret: (own ?? (secret || NO_SECRET)) as Secret }, context) };
}

function mapOptions(options: ExpressSessionOptions): Omit<SessionOptions, 'secret'> {
  const { cookie, genid, proxy } = options;
  const mapped: Record<string, unknown> = {
    name: String(options.name || options.key || 'connect.sid'),
    cookie: typeof cookie === 'function' ? (req: IncomingMessage) => cookieOf(cookie(req)) : cookieOf(cookie),
    resave: options.resave === undefined || Boolean(options.resave),
    saveUninitialized: options.saveUninitialized === undefined || Boolean(options.saveUninitialized),
    rolling: Boolean(options.rolling),
    unset: options.unset || 'keep',
    genid: genid || undefined,
    proxy: proxy === true || proxy === false ? proxy : undefined,
    absoluteTimeout: false,
    touchInterval: 0,
    device: false,
  };
  for (const name of OURS) if (options[name] !== undefined) mapped[name] = options[name];
  return mapped as Omit<SessionOptions, 'secret'>;
}

function cookieOf(given: object | null | undefined): CookieOptions {
  const { maxAge, secure, httpOnly, ...rest } = attributesOf(given);
  const cookie: CookieOptions = { ...rest };
  if (secure !== undefined) cookie.secure = secure === 'auto' ? secure : Boolean(secure);
  if (httpOnly !== undefined) cookie.httpOnly = Boolean(httpOnly);
  // A life of nothing, or less: a cookie that has ended.
  if (typeof maxAge === 'number' && maxAge <= 0) cookie.expires = new Date(0);
  else if (maxAge !== undefined) cookie.maxAge = maxAge;
  return cookie;
}

/** Where notes go before the options are resolved. */
export function warner(logger: SessionLogger | undefined): (message: string) => void {
  return (message) => (logger === undefined ? console.warn(`[session] ${message}`) : logger.warn(message));
}
