import { readCookie } from '../cookie/cookie-header.js';
import type { Device } from '../record/session-metadata.js';
import { infoOf, type SessionInfo } from '../session/session-controls.js';
import { RequestSession } from '../transports/http/request-session.js';
import { SessionCore } from '../session/session-core.js';
import type { SessionManager } from '../session-manager.js';
import { SESSION_MANAGER } from '../nest/session.tokens.js';
import { namedPrincipal } from '../options/named-principal.js';
import type { Session, SessionData, SessionKeys } from '../session/session-types.js';
import { requestWithoutHttp } from './request-without-http.js';

/** A session for a test. */
export interface TestSession<D = SessionData> {
  /**
   * Who is logged in.
   *
   * @defaultValue nobody
   */
  readonly principal?: string | number | undefined;
  /**
   * The data of the session.
   *
   * @defaultValue nothing
   */
  readonly data?: SessionKeys<D> | undefined;
  /**
   * When the principal logged in, for `@RequireRecentLogin`.
   *
   * @defaultValue now
   */
  readonly authenticatedAt?: Date | undefined;
  /**
   * The browser that uses the session.
   *
   * @defaultValue unknown
   */
  readonly device?: Device | undefined;
}

/** A session as the store has it. */
export interface StoredTestSession<D = SessionData> {
  /** A copy of the data: changing it has no effect. */
  readonly data: SessionKeys<D>;
  readonly info: SessionInfo;
}

/**
 * A Cookie header, or the Set-Cookie headers of a response (`response.headers['set-cookie']`,
 * `response.headers.getSetCookie()`).
 */
export type SentCookies = string | readonly string[] | undefined;

/** The part of a Nest app that is used: `INestApplication`, `TestingModule` and application contexts have it. */
export interface AppWithSessions {
  get(token: symbol): unknown;
}

/** Creates and reads sessions of an app under test, without a login form, and without a route that shows them. */
export class SessionTesting {
  constructor(private readonly manager: SessionManager) {}

  /**
   * Creates a session in the app's own store, and returns its Cookie header.
   *
   * ```ts
   * await request(app.getHttpServer()).get('/dashboard').set('Cookie', await sessions.cookieFor({ principal: '7' })).expect(200);
   * ```
   *
   * @throws SessionDataError for data that JSON can't hold, or that don't fit the app's schema.
   * @throws TooManySessionsError if `onTooMany` is `reject` and the principal already has as many sessions as allowed.
   */
  async cookieFor<D = SessionData>(wanted: TestSession<NoInfer<D>> = {}): Promise<string> {
    const { principal, data, authenticatedAt, device } = wanted;
    const request = await requestWithoutHttp(this.manager, device);
    const session = request.session as Session;
    if (principal === undefined) Object.assign(session, data);
    else await session.login(principal, data as SessionKeys<SessionData> | undefined);
    const core = request.currentCore!;
    if (core.claim !== undefined && authenticatedAt !== undefined)
      core.claim = { ...core.claim, at: authenticatedAt.getTime() };
    await session.save();
    return this.cookieOf(core);
  }

  /**
   * The session that a request with these cookies would have; `undefined`: no live session, or the signature isn't the
   * app's.
   */
  async read<D = SessionData>(cookies: SentCookies): Promise<StoredTestSession<D> | undefined> {
    const id = this.idIn(cookies);
    const core = id === undefined ? undefined : await this.manager.open(id);
    return core && stored<D>(core);
  }

  /**
   * All live sessions, or one principal's.
   *
   * @throws SessionStoreError if the store can't list.
   * @throws TypeError for `{ principal: undefined }`.
   */
  async list<D = SessionData>(
    query: { readonly principal?: string | number | undefined } = {},
  ): Promise<StoredTestSession<D>[]> {
    const principal = namedPrincipal('sessions.list()', query, ['principal']);
    const sessions: StoredTestSession<D>[] = [];
    for await (const found of this.manager.records.list({ principal })) {
      const { metadata } = found.record;
      if (metadata?.replaced !== undefined || !this.manager.lifetimes.isLive(metadata)) continue;
      const core = RequestSession.detachedFrom(this.manager, { id: found.key, loaded: found });
      if (principal === undefined || core.principal() === principal) sessions.push(stored<D>(core));
    }
    return sessions;
  }

  /** The number of live sessions: all, or those of one principal. */
  async count(query: { readonly principal?: string | number | undefined } = {}): Promise<number> {
    return (await this.list(query)).length;
  }

  /**
   * Ends all sessions, so that the next test begins without any.
   *
   * @throws TypeError if the store has no clear().
   */
  async clear(): Promise<void> {
    const { store } = this.manager;
    if (store.clear === undefined)
      throw new TypeError(
        `This session store (${store.constructor.name}) has no clear(), so its sessions can't be ended together.`,
      );
    await store.clear();
  }

  private cookieOf(core: SessionCore): string {
    return `${this.manager.options.name}=${encodeURIComponent(this.manager.signer.sign(core.id))}`;
  }

  private idIn(cookies: SentCookies): string | undefined {
    const lines =
      cookies === undefined || typeof cookies === 'string'
        ? cookies
        : cookies.map((line) => line.split(';', 1)[0]).join('; ');
    const value = lines === undefined ? undefined : readCookie(lines, this.manager.options.name);
    return value === undefined ? undefined : this.manager.signer.unsign(value);
  }
}

/**
 * The sessions of an app under test, once it is initialised.
 *
 * ```ts
 * const sessions = sessionTesting(app);
 * const cookie = await sessions.cookieFor({ principal: '7', data: { user: { name: 'Ada' } } });
 * ```
 *
 * @throws Error if the app doesn't import `SessionModule`.
 */
export function sessionTesting(app: AppWithSessions): SessionTesting {
  let manager: unknown;
  try {
    manager = app.get(SESSION_MANAGER);
  } catch (cause) {
    throw new Error(
      'sessionTesting(app): the app has no sessions. Import SessionModule.forRoot() or forRootAsync() in it.',
      { cause },
    );
  }
  return new SessionTesting(manager as SessionManager);
}

function stored<D>(core: SessionCore): StoredTestSession<D> {
  // Reading the session here must not extend it.
  core.isDue = false;
  return { data: structuredClone(core.values()) as SessionKeys<D>, info: infoOf(core) };
}
