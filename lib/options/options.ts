import type { IncomingMessage } from 'node:http';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Clock } from '../stores/clock.js';
import type { SessionBus } from '../stores/session-bus.js';
import type { SessionStore } from '../stores/session-store.js';
import type { OnConflict } from '../common/merge.js';
import type { Secret } from '../cookie/cookie-signer.js';
import type { Duration } from '../common/duration.js';
import type { OnSaveError } from './save-failure.js';
import type { Encryption } from './encryption-option.js';
import type { CookieAttributes } from '../cookie/cookie-attributes.js';

/** The cookie's attributes in the options: `maxAge` may be text such as `'1d'`. */
export interface CookieOptions extends Omit<CookieAttributes, 'maxAge'> {
  /**
   * How long the browser keeps the cookie, in ms or as text such as `'1d'`.
   *
   * @defaultValue none: until the browser closes
   */
  maxAge?: Duration | null | undefined;
}

/**
 * The options of `SessionModule.forRoot()`. Every duration is a number of ms, or text such as `'90s'`, `'10m'`, `'1d'`.
 *
 * @example
 * ```ts
 * SessionModule.forRoot({ secret: process.env.SESSION_SECRET, store: new RedisStore({ url }), cookie: { maxAge: '1d' } })
 * ```
 */
export interface SessionOptions {
  /**
   * Signs the session cookie. With an array, the first secret signs, and all verify. At least 32 bytes each, unless
   * `allowShortSecret` is set.
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
   * Accepts a secret under 32 bytes in production too. For an app that has to keep its present secret.
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
   * After this time the session gets a new id.
   *
   * @defaultValue none
   */
  renewAfter?: Duration | undefined;
  /**
   * How long the old id still leads to the session after it got a new one, for requests that are already under way.
   *
   * @defaultValue `'30s'`
   */
  renewGrace?: Duration | undefined;
  /**
   * How often the idle timeout is extended at most. `0`: by each request.
   *
   * @defaultValue `'1m'`, at most a tenth of the idle time
   */
  touchInterval?: Duration | 0 | undefined;
  /**
   * Sends the cookie again each time the session is extended.
   *
   * @defaultValue `true`
   */
  rolling?: boolean | undefined;
  /**
   * Saves a new session even if the app stored nothing in it.
   *
   * @defaultValue `false`
   */
  saveUninitialized?: boolean | undefined;
  /**
   * Saves the session with each request, even if nothing changed.
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
   * Makes session ids: 1 to 256 visible ASCII characters that can't be guessed.
   *
   * @defaultValue 24 random bytes, base64url
   */
  genid?: ((req: IncomingMessage | undefined) => string) | undefined;
  /**
   * Whether to trust the header `X-Forwarded-Proto`: `true` from every client, `false` from none.
   *
   * @defaultValue the framework's
   */
  proxy?: boolean | undefined;
  /**
   * When the session is read: before the handler (`'eager'`), or at first access (`'lazy'`).
   *
   * @defaultValue `'eager'`
   */
  load?: 'eager' | 'lazy' | undefined;
  /**
   * What happens if the store fails. `'fail'`: everything that needs the session answers 503. `'anonymous'`: the
   * request gets an empty session, which is not saved.
   *
   * @defaultValue `'fail'`
   */
  onStoreError?: 'fail' | 'anonymous' | undefined;
  /**
   * Makes the response to a failed save, such as a page for browsers.
   *
   * @defaultValue JSON with `statusCode`, `error` and `message`
   */
  onSaveError?: OnSaveError | undefined;
  /**
   * The time limit of each store call.
   *
   * @defaultValue `'2s'`
   */
  storeTimeout?: Duration | undefined;
  /**
   * The largest record that can be saved, in bytes.
   *
   * @defaultValue 1 MiB
   */
  maxRecordBytes?: number | undefined;
  /**
   * Decides which value stays if two requests changed the same key: the later one (`'mine'`), the earlier one
   * (`'theirs'`), or the result of a function. A deletion always wins.
   *
   * @defaultValue `'mine'`
   */
  onConflict?: OnConflict | undefined;
  /**
   * Returns the principal of a session without a `login()`. `undefined`, `null` and `''` mean nobody.
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
   * What a login beyond `maxSessionsPerPrincipal` does: ends the oldest session, or fails.
   *
   * @defaultValue `'evict-oldest'`
   */
  onTooMany?: 'evict-oldest' | 'reject' | undefined;
  /**
   * Stores the user agent and the IP address, for a list of the user's devices.
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
   * The version of the data's structure. Data of another version are passed to `migrate`.
   *
   * @defaultValue none
   */
  schemaVersion?: number | undefined;
  /**
   * Converts data of an older version to `schemaVersion`.
   *
   * @defaultValue none
   */
  migrate?: ((data: Record<string, unknown>, version: number | undefined) => Record<string, unknown>) | undefined;
  /**
   * Gives the store only a hash of each id. Afterwards you can't move back to express-session.
   *
   * @defaultValue `false`
   */
  hashIds?: boolean | undefined;
  /**
   * Encrypts records at rest (AES-256-GCM). Afterwards you can't move back to express-session.
   *
   * @defaultValue none
   */
  encryption?: Encryption | undefined;
  /**
   * Detects a session that is used by another browser: see `onMismatch`.
   *
   * @defaultValue none
   */
  bindTo?: readonly 'userAgent'[] | undefined;
  /**
   * What happens if another browser uses the session: an event is emitted, or the session ends.
   *
   * @defaultValue `'event'`
   */
  onMismatch?: 'event' | 'destroy' | undefined;
  /**
   * How the processes of an app tell each other that a session has ended, so that `session.signal` and WebSockets end
   * immediately. `false`: they don't, and sockets end within `revalidate`.
   *
   * @defaultValue the store's
   */
  bus?: SessionBus | false | undefined;
  /**
   * The source of the time, for tests.
   *
   * @defaultValue the machine's
   */
  clock?: Clock | undefined;
  /**
   * Receives warnings and errors. In a Nest app the default is Nest's own logger.
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
