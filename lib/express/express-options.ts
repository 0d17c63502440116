import type { IncomingMessage } from 'node:http';
import type { Secret } from '../cookie/cookie-signer.js';
import type { CookieOptions, SessionLogger, SessionOptions } from '../options/options.js';
import { resolveOptions, type ResolvedOptions } from '../options/resolve-options.js';
import { SESSION_OPTIONS } from '../options/session-option-rules.js';
import type { SessionStore } from '../stores/session-store.js';
import { attributesOf, type CookieInit } from './cookie.js';
import type { ExpressStoreLike } from './express-store-like.js';

/** The cookie's attributes, as in express-session. */
export interface ExpressCookieOptions extends Omit<CookieInit, 'originalMaxAge'> {
  /** Ignored, as in express-session. */
  signed?: boolean | undefined;
  encode?: ((value: string) => string) | undefined;
}

type OfOurs = Omit<SessionOptions, 'secret' | 'store' | 'cookie' | 'genid' | 'load' | 'allowShortSecret'>;

/** The options of express-session, and those of this library. */
export interface ExpressSessionOptions extends OfOurs {
  /**
   * Signs the cookie. One or more secrets of any length: the first signs, all verify.
   *
   * @defaultValue `req.secret`, which cookie-parser sets
   */
  secret?: Secret | readonly Secret[] | undefined;
  /**
   * A store of express-session, or a `SessionStore`.
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
  /** The old name of the option `name`, which overrides it. */
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
   * Saves the session with each request, even if nothing changed.
   *
   * @defaultValue `true`, with a warning to set it
   */
  resave?: boolean | undefined;
  /**
   * Saves a new session, and sets a cookie, for every visitor.
   *
   * @defaultValue `true`, with a warning to set it
   */
  saveUninitialized?: boolean | undefined;
  /**
   * Sends the cookie with every response.
   *
   * @defaultValue `false`
   */
  rolling?: boolean | undefined;
  /**
   * Whether to trust `X-Forwarded-Proto`.
   *
   * @defaultValue the framework's setting (`req.secure`)
   */
  proxy?: boolean | undefined;
  /**
   * How long a session lives, however active it is. In ms, or text such as `'30d'`.
   *
   * @defaultValue `false`, no limit, as in express-session
   */
  absoluteTimeout?: SessionOptions['absoluteTimeout'];
  /**
   * Whether the user agent and the IP address are stored with the session.
   *
   * @defaultValue `false`, as in express-session
   */
  device?: boolean | undefined;
  /**
   * Whether the cookie stays in the browser when a session is destroyed, as in express-session.
   *
   * @defaultValue `false`: the cookie is cleared
   */
  keepCookieOnDestroy?: boolean | undefined;
}

/** The options that the engine has too. Those that express-session reads in its own way are converted after that. */
const OURS = Object.keys(SESSION_OPTIONS).filter(
  (name) => !['secret', 'store', 'load', 'allowShortSecret'].includes(name),
) as (keyof OfOurs)[];

const COOKIE_DEFAULTS = { path: '/', httpOnly: true } as const;

/** The longest lifetime with which a `Date` can still hold the cookie's expiry. */
const LONGEST_COOKIE_MS = 8e15;

/** Used if each request brings its own secret. */
const NO_SECRET = 'without a secret nothing is ever signed';

/** Checks what express-session checks, with its messages, and warns like it about defaults that will change. */
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
  const mapped: Record<string, unknown> = { absoluteTimeout: false, touchInterval: 0, device: false };
  for (const name of OURS) if (options[name] !== undefined) mapped[name] = options[name];
  return Object.assign(mapped, {
    name: String(options.name || options.key || 'connect.sid'),
    cookie: typeof cookie === 'function' ? (req: IncomingMessage) => cookieOf(cookie(req)) : cookieOf(cookie),
    resave: options.resave === undefined || Boolean(options.resave),
    saveUninitialized: options.saveUninitialized === undefined || Boolean(options.saveUninitialized),
    rolling: Boolean(options.rolling),
    unset: options.unset || 'keep',
    genid: (genid || undefined) as SessionOptions['genid'],
    proxy: proxy === true || proxy === false ? proxy : undefined,
  });
}

function cookieOf(given: object | null | undefined): CookieOptions {
  const { maxAge, secure, httpOnly, ...rest } = attributesOf(given);
  const cookie: CookieOptions = { ...rest };
  if (secure !== undefined) cookie.secure = secure === 'auto' ? secure : Boolean(secure);
  if (httpOnly !== undefined) cookie.httpOnly = Boolean(httpOnly);
  // A lifetime of 0 or less means an expired cookie.
  if (typeof maxAge === 'number' && maxAge <= 0) cookie.expires = new Date(0);
  else if (maxAge !== undefined) cookie.maxAge = maxAge;
  return cookie;
}

/** Where warnings go before the options are resolved. */
export function warner(logger: SessionLogger | undefined): (message: string) => void {
  return (message) => (logger === undefined ? console.warn(`[session] ${message}`) : logger.warn(message));
}
