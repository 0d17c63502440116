import { inSeconds } from './common/duration.js';
import type { SessionStore } from './stores/session-store.js';
import { CookieSigner } from './cookie/cookie-signer.js';
import type { SessionMetadata } from './record/session-metadata.js';
import { PrincipalSessions } from './commit/principal-sessions.js';
import { deriveKey } from './record/record-cipher.js';
import type { ResolvedOptions } from './options/resolve-options.js';
import { INSPECT } from './common/inspect-symbol.js';
import { RequestSession } from './transports/http/request-session.js';
import { SessionUnavailableError } from './common/errors.js';
import { LogLimit } from './common/log-limit.js';
import { SessionCore } from './session/session-core.js';
import { SessionEvents } from './common/session-events.js';
import { isWellFormedId } from './record/session-id.js';
import { isStoreError, SessionRecords } from './record/session-records.js';
import { DataSchema } from './session/schema/session-schema.js';
import { serializeAttributes, storedCookie } from './cookie/session-cookie.js';
import { SessionWriter } from './commit/session-writer.js';
import { httpSurface, type SessionSurface } from './session/session-surface.js';

const LATE = 'late';
/** How many sessions are watched at a time, how often each is looked at, and how long between two looks. */
const MOST_WATCHED = 16;
const MOST_LOOKS = 10;
const WATCH_MS = 1_000;

const FAILURES = {
  load: 'A session could not be loaded.',
  save: 'A session could not be saved.',
  touch: 'A session could not be kept alive.',
  call: 'The session store failed a call of the app.',
} as const;

/** What one `SessionModule` (or one `session()`) shares among its requests: options, store, keys. */
export class SessionManager {
  readonly signer: CookieSigner;
  readonly events: SessionEvents;
  readonly records: SessionRecords;
  readonly principals: PrincipalSessions;
  readonly writer: SessionWriter;
  readonly schema: DataSchema | undefined;
  /** For what one of our processes leaves to another in a record: the first encrypts, all decrypt. */
  readonly serverKeys: readonly Buffer[];
  private readonly hiddenKeys = new Set<string>();
  /** What `req.sessionStore` is. */
  requestStore: unknown;
  private readonly storedCookieTexts = new Map<boolean, { before: string; after: string; isFixed: boolean }>();
  private readonly failures = new LogLimit();
  private readonly warned = new Set<string>();
  /** Requests that are looked at, and how often they have been. */
  private readonly watched = new Map<RequestSession, { core: SessionCore; looks: number }>();
  private watching: NodeJS.Timeout | undefined;
  /** Set-Cookie's attributes but Expires, where no request changes them: split where Expires goes. */
  private readonly attributeTexts = new Map<boolean, readonly [string, string]>();

  constructor(
    readonly options: ResolvedOptions,
    readonly store: SessionStore,
    readonly surface: SessionSurface = httpSurface,
  ) {
    this.requestStore = store;
    this.signer = new CookieSigner(options.secrets);
    this.events = new SessionEvents(
      deriveKey(options.secrets[0]!, 'events'),
      () => this.now(),
      options.logger.error.bind(options.logger),
    );
    this.serverKeys = options.secrets.map((secret) => deriveKey(secret, 'successor'));
    this.records = new SessionRecords(store, options, this.events);
    this.principals = new PrincipalSessions(this);
    this.writer = new SessionWriter(this);
    this.schema = options.schema && new DataSchema(options.schema, (message) => options.logger.warn(message));
  }

  now(): number {
    return this.options.clock.now();
  }

  /** What is logged shows no secrets. */
  [INSPECT](): string {
    return 'SessionManager {}';
  }

  /** Whether a session was last seen so long ago that its idle expiry is to be moved. */
  isTouchDue(metadata: SessionMetadata): boolean {
    return this.now() - metadata.seenAt >= this.options.touchIntervalMs;
  }

  /** Whether a listed session counts, its idle end included. */
  isInTime(metadata: SessionMetadata): boolean {
    return this.isLive(metadata) && metadata.expiresAt > this.now();
  }

  /** Whether metadata still count: the absolute end, or a retired id's grace. */
  isLive(metadata: SessionMetadata | undefined): boolean {
    if (metadata === undefined) return true;
    if (metadata.revokedUntil !== undefined) return false;
    if (metadata.replaced !== undefined) return metadata.replaced.until > this.now();
    return metadata.createdAt + this.absoluteMs(metadata) > this.now();
  }

  /**
   * When a session that is seen now ends: idle, or absolute.
   *
   * @param cookieLife of a cookie that was decided for this request, in ms.
   */
  expiryOf(metadata: SessionMetadata, now: number, cookieLife?: number): number {
    return Math.min(
      now + this.idleMs(metadata, cookieLife),
      metadata.createdAt + this.absoluteMs(metadata, cookieLife),
    );
  }

  /** A life that the app set on this very session goes before the option. */
  private idleMs(metadata: SessionMetadata, cookieLife?: number): number {
    const own = metadata.cookieOverrides?.maxAge;
    if (typeof own === 'number') return own;
    return this.options.idleIsExplicit ? this.options.idleMs : (cookieLife ?? this.options.idleMs);
  }

  private absoluteMs(metadata: SessionMetadata, cookieLife?: number): number {
    const own = metadata.cookieOverrides?.maxAge ?? cookieLife;
    if (this.options.absoluteIsExplicit || typeof own !== 'number') return this.options.absoluteMs;
    return Math.max(own, this.options.absoluteMs);
  }

  /** A life that `login()` is given, as long as `absoluteTimeout` lets a session live. */
  cappedLife(ms: number | undefined): number | undefined {
    if (ms === undefined || !this.options.absoluteIsExplicit || ms <= this.options.absoluteMs) return ms;
    this.warnOnce(
      'remember',
      `session.login() got a "remember" of ${inSeconds(ms)}, which is longer than "absoluteTimeout" (${inSeconds(this.options.absoluteMs)}), so the session lasts as long as that. Raise "absoluteTimeout", or shorten "remember".`,
    );
    return this.options.absoluteMs;
  }

  /** Attributes that hold for a request: `auto` decided, the app's own of this session put in by the caller. */
  decideAttributes<T extends { secure?: unknown; sameSite?: unknown }>(attributes: T, secure: boolean): T {
    if (attributes.secure !== 'auto' && attributes.sameSite !== 'auto') return attributes;
    const decided = { ...attributes };
    if (decided.secure === 'auto') decided.secure = secure;
    if (decided.sameSite === 'auto') decided.sameSite = secure ? 'none' : 'lax';
    return decided;
  }

  /** `[before Expires, after it]` for the options' cookie. */
  attributeText(secure: boolean): readonly [string, string] {
    let texts = this.attributeTexts.get(secure);
    if (texts === undefined) {
      const { domain, path, ...rest } = this.decideAttributes(this.options.cookie, secure);
      texts = [serializeAttributes({ domain, path }), serializeAttributes({ ...rest, expires: null })];
      this.attributeTexts.set(secure, texts);
    }
    return texts;
  }

  /** The JSON of the record's `cookie` where nothing of it is this session's own. */
  storedCookieText(metadata: SessionMetadata, secure: boolean): string {
    let parts = this.storedCookieTexts.get(secure);
    if (parts === undefined) {
      const { maxAge, expires } = this.options.cookie;
      const stored = storedCookie(this.decideAttributes(this.options.cookie, secure), maxAge ?? null, null);
      const [before, after] = JSON.stringify(stored).split('"expires":null') as [string, string];
      parts = {
        before: `${before}"expires":`,
        after,
        isFixed: (maxAge ?? null) === null && (expires ?? null) !== null,
      };
      this.storedCookieTexts.set(secure, parts);
    }
    const { maxAge, expires } = this.options.cookie;
    // A fixed end makes `originalMaxAge` another one each time.
    if (parts.isFixed)
      return JSON.stringify(
        storedCookie(
          this.decideAttributes(this.options.cookie, secure),
          expires!.getTime() - metadata.seenAt,
          expires!,
        ),
      );
    return `${parts.before}${maxAge === undefined || maxAge === null ? 'null' : `"${new Date(metadata.seenAt + maxAge).toISOString()}"`}${parts.after}`;
  }

  /** The record's `cookie`: what peers need to go on with the session. */
  storedCookieOf(core: SessionCore, metadata: SessionMetadata, secure: boolean) {
    const asked = core.cookieIfAsked;
    if (asked !== undefined || metadata.cookieOverrides !== undefined) {
      const cookie = asked ?? core.cookie;
      return storedCookie(this.decideAttributes(cookie.attributes(), secure), cookie.originalMaxAge, cookie.expires);
    }
    const { maxAge, expires } = this.options.cookie;
    const end = maxAge === undefined || maxAge === null ? (expires ?? null) : new Date(metadata.seenAt + maxAge);
    return storedCookie(
      this.decideAttributes(this.options.cookie, secure),
      maxAge ?? (end === null ? null : end.getTime() - metadata.seenAt),
      end,
    );
  }

  /** A session by its id, for jobs: it can be read, changed, saved and ended, but has no response that could carry a new id. */
  async open(id: string): Promise<SessionCore | undefined> {
    if (!isWellFormedId(id)) return undefined;
    const found = await this.writer.current(id);
    return found && RequestSession.detachedFrom(this, (host) => new SessionCore(this, host, found));
  }

  /** The id that a key of the store stands for; with `hashIds` nobody knows. */
  idOfKey(key: string): string | undefined {
    return this.options.hashIds ? undefined : key;
  }

  /** Data whose name clashes with one of the session's: said once. */
  noteHiddenKey(key: string): void {
    if (this.hiddenKeys.has(key)) return;
    this.hiddenKeys.add(key);
    this.options.logger.warn(
      `Sessions hold a key named "${key}", which the session keeps for itself: it is kept in the record as it is; dataOf(session).${key} reaches it.`,
    );
  }

  /** A store that fails does so for many requests: one line a second says it, for each kind of failure. What is the app's own fault is always said. */
  noteStoreFailure(what: keyof typeof FAILURES, error: unknown): void {
    const code = storeCodeOf(error);
    if (code === undefined || this.failures.allows(`${what} ${code}`)) this.options.logger.error(FAILURES[what], error);
  }

  /** Looks at a few sessions for a while: what the app writes to one whose response has ended, and doesn't save, is lost. */
  watchForLateWrites(request: RequestSession, core: SessionCore): void {
    if (this.warned.has(LATE) || (this.watched.size >= MOST_WATCHED && !this.watched.has(request))) return;
    this.watched.set(request, { core, looks: 0 });
    this.watching ??= setInterval(() => this.lookForLateWrites(), WATCH_MS).unref();
  }

  private lookForLateWrites(): void {
    for (const [request, watched] of this.watched) {
      if (request.isWrittenLate(watched.core)) {
        this.warnOnce(
          LATE,
          'A session was written to after its response had ended; what was written is not saved. Write before the response, or call session.save() afterwards. This is said once.',
        );
        this.watched.clear();
        break;
      }
      watched.looks += 1;
      if (watched.looks >= MOST_LOOKS) this.watched.delete(request);
    }
    if (this.watched.size > 0) return;
    clearInterval(this.watching);
    this.watching = undefined;
  }

  warnOnce(topic: string, message: string): void {
    if (this.warned.has(topic)) return;
    this.warned.add(topic);
    this.options.logger.warn(message);
  }

  /** Says once that a number was saved as `null`. */
  warnNotFinite(path: string): void {
    this.warnOnce(
      'not finite',
      `session.${path} is NaN or infinite, which JSON saves as null. Check the number before you store it. This is said once.`,
    );
  }
}

/** What kind of failure a store had, behind the engine's own error too; `undefined` for an error that is no store's. */
function storeCodeOf(error: unknown): string | undefined {
  const inner = error instanceof SessionUnavailableError ? error.cause : error;
  if (isStoreError(inner)) return inner.code;
  return error instanceof SessionUnavailableError ? 'UNAVAILABLE' : undefined;
}
