import type { IncomingMessage } from 'node:http';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Clock } from '../stores/clock.js';
import type { SessionStore } from '../stores/session-store.js';
import type { OnConflict } from '../session/changes.js';
import type { Secret } from '../cookie/cookie-signer.js';
import type { Duration } from '../common/duration.js';
import type { OnSaveError } from './save-failure.js';
import type { Encryption } from '../record/record-cipher.js';
import type { CookieAttributes } from '../cookie/session-cookie.js';

/** The cookie's attributes as the options take them: `maxAge` may be text such as `'1d'`. */
export interface CookieOptions extends Omit<CookieAttributes, 'maxAge'> {
  /** Life in ms, or text such as `'1d'`. Default: none, so the cookie ends with the browser. */
  maxAge?: Duration | null | undefined;
}

/** The options of `SessionModule.forRoot()`. */
export interface SessionOptions {
  /** Signs the cookie. One or more: the first signs, all verify. Required. At least 32 bytes each, or `allowShortSecret`. */
  secret: Secret | readonly Secret[];
  /** Where sessions live: a `SessionStore`, or any express-session store. Default: `MemoryStore`; in production it has to be given. */
  store?: SessionStore | object | undefined;
  /** The cookie's name. Default `'sid'`. */
  name?: string | undefined;
  /** The cookie's attributes. Default `{ path: '/', httpOnly: true, sameSite: 'lax', secure: 'auto' }`, each of which stays where it isn't named. */
  cookie?: CookieOptions | ((req: IncomingMessage) => CookieOptions) | undefined;
  /** Takes a secret under 32 bytes in production as well. Default `false`. For apps that have to keep the one they have. */
  allowShortSecret?: boolean | undefined;
  /** Life without a request, held by the server. Default: `cookie.maxAge`, else `'1d'`. */
  idleTimeout?: Duration | undefined;
  /** Life however busy. Default `'30d'`, or `cookie.maxAge` where that is longer; `false`: none. */
  absoluteTimeout?: Duration | false | undefined;
  /** The id is renewed after so long. Default: never, but at login. */
  renewAfter?: Duration | undefined;
  /** For how long a renewed id still finds its session. Default `'30s'`. */
  renewGrace?: Duration | undefined;
  /** The idle end is moved at most this often. Default `'1m'`, at most a tenth of the idle time. `0`: at each request. */
  touchInterval?: Duration | 0 | undefined;
  /** The cookie is sent again whenever the end moves. Default `true`. */
  rolling?: boolean | undefined;
  /** Keeps a new session that nobody wrote to. Default `false`. */
  saveUninitialized?: boolean | undefined;
  /** Writes a session that nobody changed. Default `false`. */
  resave?: boolean | undefined;
  /** What `req.session = null` does: `'keep'` the record, or `'destroy'` it. Default `'keep'`. */
  unset?: 'keep' | 'destroy' | undefined;
  /** Makes ids: 1 to 256 visible ASCII characters, unguessable. Default: 24 random bytes, base64url. */
  genid?: ((req: IncomingMessage | undefined) => string) | undefined;
  /** Whether `X-Forwarded-Proto` is believed. Default: as the framework's own trust-proxy setting. */
  proxy?: boolean | undefined;
  /** When the record is read: before the handler, or when it is first asked for. Default `'eager'`. */
  load?: 'eager' | 'lazy' | undefined;
  /** What a request sees where the store failed. Default `'fail'`: whatever needs the session answers 503. */
  onStoreError?: 'fail' | 'anonymous' | undefined;
  /** Makes the answer if the session could not be saved, such as a page for a browser. Default: JSON with `statusCode`, `error` and `message`. */
  onSaveError?: OnSaveError | undefined;
  /** Bound on each store call. Default `'2s'`. */
  storeTimeout?: Duration | undefined;
  /** A larger session is refused at save. Bytes; default 1 MiB. */
  maxRecordBytes?: number | undefined;
  /** Two requests changed the same key: whose value stays. A deletion always does. Default `'mine'`. */
  onConflict?: OnConflict | undefined;
  /** Who a session without a `login()` belongs to. `undefined`, `null` and `''` mean nobody. Default: `passport.user`, or the `id`, `_id` or `sub` of `passport.user` or `user`. */
  principalOf?: ((data: Readonly<Record<string, unknown>>) => string | number | null | undefined) | undefined;
  /** What `SessionGuard` asks. Default: a principal is set, or `user` is truthy. */
  isAuthenticated?: ((data: Readonly<Record<string, unknown>>, principal: string | undefined) => boolean) | undefined;
  /** How many sessions a principal may have. Default: as many as there are. */
  maxSessionsPerPrincipal?: number | undefined;
  /** What a login over the cap does. Default `'evict-oldest'`. */
  onTooMany?: 'evict-oldest' | 'reject' | undefined;
  /** Keeps user agent and IP for "your devices". Default `true`. */
  device?: boolean | undefined;
  /** A Standard Schema (zod, valibot, arktype) for the data. Default: none. */
  schema?: StandardSchemaV1 | undefined;
  /** The version of the data's shape; older data goes through `migrate`. Default: none. */
  schemaVersion?: number | undefined;
  /** Turns data of an older version into today's. */
  migrate?: ((data: Record<string, unknown>, version: number | undefined) => Record<string, unknown>) | undefined;
  /** The store holds only a hash of each id. Default `false`. Ends the way back to express-session. */
  hashIds?: boolean | undefined;
  /** Encrypts records at rest (AES-256-GCM). Default: none. Ends the way back to express-session. */
  encryption?: Encryption | undefined;
  /** Binds a session to what the browser says of itself. Default: none. */
  bindTo?: readonly 'userAgent'[] | undefined;
  /** What a mismatch of `bindTo` does. Default `'event'`. */
  onMismatch?: 'event' | 'destroy' | undefined;
  /** The time. For tests. */
  clock?: Clock | undefined;
  /** Where warnings go. Default: `console`; under Nest, its logger. */
  logger?: SessionLogger | undefined;
}

/** Where the engine says what a person should know. */
export interface SessionLogger {
  warn(message: string): void;
  error(message: string, cause?: unknown): void;
}
