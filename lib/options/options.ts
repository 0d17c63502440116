import type { IncomingMessage } from 'node:http';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Clock } from '../stores/clock.js';
import type { SessionBus } from '../stores/session-bus.js';
import type { SessionStore } from '../stores/session-store.js';
import type { OnConflict } from '../common/changes.js';
import type { Secret } from '../cookie/cookie-signer.js';
import type { Duration } from '../common/duration.js';
import type { OnSaveError } from './save-failure.js';
import type { Encryption } from './encryption-option.js';
import type { CookieAttributes } from '../cookie/cookie-attributes.js';

/** The cookie's attributes as the options take them: `maxAge` may be text such as `'1d'`. */
export interface CookieOptions extends Omit<CookieAttributes, 'maxAge'> {
  /**
   * How long the browser keeps the cookie, in ms or as text such as `'1d'`.
   *
   * @defaultValue none: until the browser closes
   */
  maxAge?: Duration | null | undefined;
}

/**
 * The options of `SessionModule.forRoot()`. Every time is a number of ms, or text such as `'90s'`, `'10m'`, `'1d'`.
 *
 * @example
 * SessionModule.forRoot({ secret: process.env.SESSION_SECRET, store: new RedisStore({ url }), cookie: { maxAge: '1d' } })
 */
export interface SessionOptions {
  /**
   * Signs the session cookie. An array: the first signs, all verify. At least 32 bytes each, unless `allowShortSecret` is set.
   *
   * @defaultValue required
   * @example 'the output of: openssl rand -base64 32'
   */
  secret: Secret | readonly Secret[];
  /**
   * Where sessions are stored: a `SessionStore`, or any store of express-session. Required in production.
   *
   * @defaultValue `MemoryStore`
   */
  store?: SessionStore | object | undefined;
  /**
   * The name of the session cookie.
   *
   * @defaultValue `'sid'`
   */
  name?: string | undefined;
  /**
   * The attributes of the session cookie, or a function of the request that returns them. An attribute that you leave out keeps its default.
   *
   * @defaultValue `{ path: '/', httpOnly: true, sameSite: 'lax', secure: 'auto' }`
   */
  cookie?: CookieOptions | ((req: IncomingMessage) => CookieOptions) | undefined;
  /**
   * Accepts a secret under 32 bytes in production too. For an app that has to keep the secret that it has.
   *
   * @defaultValue `false`
   */
  allowShortSecret?: boolean | undefined;
  /**
   * How long a session lives without a request. The server enforces it.
   *
   * @defaultValue `cookie.maxAge`, else `'1d'`
   */
  idleTimeout?: Duration | undefined;
  /**
   * How long a session lives, however active it is. `false`: no limit.
   *
   * @defaultValue `'30d'`, or `cookie.maxAge` if that is longer
   */
  absoluteTimeout?: Duration | false | undefined;
  /**
   * The session gets a new id after this time.
   *
   * @defaultValue none
   */
  renewAfter?: Duration | undefined;
  /**
   * How long the old id still finds the session after it got a new one, for requests that were already under way.
   *
   * @defaultValue `'30s'`
   */
  renewGrace?: Duration | undefined;
  /**
   * The idle expiry is moved at most this often. `0`: at each request.
   *
   * @defaultValue `'1m'`, at most a tenth of the idle time
   */
  touchInterval?: Duration | 0 | undefined;
  /**
   * Sends the cookie again whenever the expiry moves.
   *
   * @defaultValue `true`
   */
  rolling?: boolean | undefined;
  /**
   * Stores a new session although the app set nothing on it.
   *
   * @defaultValue `false`
   */
  saveUninitialized?: boolean | undefined;
  /**
   * Writes the session at each request, although nothing changed.
   *
   * @defaultValue `false`
   */
  resave?: boolean | undefined;
  /**
   * What `req.session = null` does: `'keep'` the record, or `'destroy'` it.
   *
   * @defaultValue `'keep'`
   */
  unset?: 'keep' | 'destroy' | undefined;
  /**
   * Makes session ids: 1 to 256 visible ASCII characters that nobody can guess.
   *
   * @defaultValue 24 random bytes, base64url
   */
  genid?: ((req: IncomingMessage | undefined) => string) | undefined;
  /**
   * Whether to believe the header `X-Forwarded-Proto`: `true` from anybody, `false` from nobody.
   *
   * @defaultValue the framework's
   */
  proxy?: boolean | undefined;
  /**
   * When the record is read: before the handler (`'eager'`), or when the session is first asked for (`'lazy'`).
   *
   * @defaultValue `'eager'`
   */
  load?: 'eager' | 'lazy' | undefined;
  /**
   * What a request gets if the store failed. `'fail'`: everything that needs the session answers 503. `'anonymous'`: an empty session, which is not
   * saved.
   *
   * @defaultValue `'fail'`
   */
  onStoreError?: 'fail' | 'anonymous' | undefined;
  /**
   * Makes the response if the session could not be saved, such as a page for a browser.
   *
   * @defaultValue JSON with `statusCode`, `error` and `message`
   */
  onSaveError?: OnSaveError | undefined;
  /**
   * Time limit of each store call.
   *
   * @defaultValue `'2s'`
   */
  storeTimeout?: Duration | undefined;
  /**
   * A larger record is refused at save. In bytes.
   *
   * @defaultValue 1 MiB
   */
  maxRecordBytes?: number | undefined;
  /**
   * Two requests changed the same key: the later save wins (`'mine'`), the earlier one (`'theirs'`), or a function decides. A deletion always wins.
   *
   * @defaultValue `'mine'`
   */
  onConflict?: OnConflict | undefined;
  /**
   * The principal of a session without a `login()`. `undefined`, `null` and `''` mean nobody.
   *
   * @defaultValue `passport.user`, or the `id`, `_id` or `sub` of `passport.user` or `user`
   */
  principalOf?: ((data: Readonly<Record<string, unknown>>) => string | number | null | undefined) | undefined;
  /**
   * What `SessionGuard` checks.
   *
   * @defaultValue principal set, or `user` truthy
   */
  isAuthenticated?: ((data: Readonly<Record<string, unknown>>, principal: string | undefined) => boolean) | undefined;
  /**
   * How many sessions one principal may have.
   *
   * @defaultValue none
   */
  maxSessionsPerPrincipal?: number | undefined;
  /**
   * What a login beyond `maxSessionsPerPrincipal` does: it ends the oldest session, or it fails.
   *
   * @defaultValue `'evict-oldest'`
   */
  onTooMany?: 'evict-oldest' | 'reject' | undefined;
  /**
   * Stores the user agent and the IP address, for "your devices".
   *
   * @defaultValue `true`
   */
  device?: boolean | undefined;
  /**
   * A Standard Schema (zod, valibot, arktype) for the session data.
   *
   * @defaultValue none
   */
  schema?: StandardSchemaV1 | undefined;
  /**
   * The version of the data's shape. Data of another version goes through `migrate`.
   *
   * @defaultValue none
   */
  schemaVersion?: number | undefined;
  /**
   * Turns data of an older version into data of `schemaVersion`.
   *
   * @defaultValue none
   */
  migrate?: ((data: Record<string, unknown>, version: number | undefined) => Record<string, unknown>) | undefined;
  /**
   * The store gets only a hash of each id. After that there is no way back to express-session.
   *
   * @defaultValue `false`
   */
  hashIds?: boolean | undefined;
  /**
   * Encrypts records at rest (AES-256-GCM). After that there is no way back to express-session.
   *
   * @defaultValue none
   */
  encryption?: Encryption | undefined;
  /**
   * Notices if a session comes from another browser: see `onMismatch`.
   *
   * @defaultValue none
   */
  bindTo?: readonly 'userAgent'[] | undefined;
  /**
   * What happens if a session comes from another browser: an event, or the session ends.
   *
   * @defaultValue `'event'`
   */
  onMismatch?: 'event' | 'destroy' | undefined;
  /**
   * How the processes of an app tell each other of ended sessions, so that `session.signal` and WebSockets end at once. `false`: not at all,
   * so that they end within `revalidate`.
   *
   * @defaultValue the store's
   */
  bus?: SessionBus | false | undefined;
  /**
   * The time. For tests.
   *
   * @defaultValue the machine's
   */
  clock?: Clock | undefined;
  /**
   * Where warnings and errors go. Under Nest: Nest's own logger.
   *
   * @defaultValue `console`
   */
  logger?: SessionLogger | undefined;
}

/** Where the library logs. */
export interface SessionLogger {
  warn(message: string): void;
  error(message: string, cause?: unknown): void;
}
