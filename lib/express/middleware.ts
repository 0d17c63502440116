import type { IncomingMessage, ServerResponse } from 'node:http';
import { SessionOptionsError, SessionUnavailableError } from '../common/errors.js';
import { isUnderPath, SESSION, sessionOf, type SessionRequest, startSession } from '../transports/http/lifecycle.js';
import type { RequestSession } from '../transports/http/request-session.js';
import { SessionManager } from '../session-manager.js';
import { isSessionStore, type SessionStore } from '../stores/session-store.js';
import { Cookie } from './cookie.js';
import { type ExpressSessionOptions, readOptions, warner } from './express-options.js';
import { expressSurface } from './express-surface.js';
import { can, isExpressStore } from './express-store-like.js';
import { MemoryStore } from './memory-store.js';
import { EXPRESS_SESSION_ID, hasGate, parsedId, type ParsedRequest } from './parsed-request.js';
import { Session, type SessionHolder } from './session.js';
import { Store } from './store.js';
import { storeErrorOf } from './store-error.js';
import { SurfaceStore } from './surface-store.js';
import { toExpressStore } from './to-express-store.js';

type Next = (error?: unknown) => void;

/** The middleware that `session()` returns: `app.use(session(options))`. */
export type SessionMiddleware = (req: IncomingMessage, res: ServerResponse, next: Next) => void;

/** The time of the last use in a record is updated after this time, in ms, or a tenth of the idle timeout. */
const REFRESH_AFTER = 60_000;

/**
 * Session middleware for Express, and for everything that calls `(req, res, next)`: a replacement for express-session
 * 1.19.
 *
 * @example
 * ```ts
 * app.use(session({ secret: process.env.SESSION_SECRET, resave: false, saveUninitialized: false }));
 * ```
 * @throws TypeError or SessionOptionsError for options that can't be used.
 */
export function session(options?: ExpressSessionOptions | null): SessionMiddleware {
  const setup = new Setup(options ?? {});
  return function session(req, res, next) {
    setup.handle(req, res, next);
  };
}

class Setup {
  private readonly resolve: ReturnType<typeof readOptions>['resolve'];
  private readonly store: SessionStore;
  /** The value of `req.sessionStore`. */
  private readonly requestStore: object;
  private readonly managers = new Map<unknown, SessionManager>();
  private readonly warn: (message: string) => void;
  private connected = true;
  private opening: Promise<void> | undefined;
  private opened: boolean;

  constructor(private readonly options: ExpressSessionOptions) {
    this.warn = warner(options.logger);
    this.resolve = readOptions(options).resolve;
    const given: unknown = options.store ?? new MemoryStore();
    if (process.env.NODE_ENV === 'production' && given instanceof MemoryStore) {
      this.warn('Sessions are in a MemoryStore: they end with this process, and no other process sees them.');
    }
    // The first manager is made now, so that wrong options throw immediately.
    const resolved = this.resolve();
    this.store = isSessionStore(given) ? given : this.adapt(given, resolved);
    this.opened = this.store.open === undefined;
    this.requestStore = isSessionStore(given)
      ? toExpressStore(given, { Store, clock: resolved.clock })
      : (given as object);
    (this.requestStore as { generate?: unknown }).generate = (req: object) => this.generate(req);
    if (can(this.requestStore, 'on')) {
      this.requestStore.on('disconnect', () => void (this.connected = false));
      this.requestStore.on('connect', () => void (this.connected = true));
    }
    if (options.secret) this.managers.set(undefined, this.createManager(undefined));
  }

  private adapt(
    store: unknown,
    { storeTimeoutMs, idleMs, clock, resave, rolling }: ReturnType<Setup['resolve']>,
  ): SessionStore {
    if (!isExpressStore(store))
      throw new SessionOptionsError('"store" takes a store of express-session (get, set, destroy), or a SessionStore.');
    const refreshAfter = Math.min(REFRESH_AFTER, idleMs / 10);
    return new SurfaceStore(store, {
      timeout: storeTimeoutMs,
      clock,
      resave,
      rolling,
      uniqueIds: !this.options.genid,
      refreshAfter,
    });
  }

  private createManager(secret: unknown): SessionManager {
    const manager = new SessionManager(
      this.resolve(secret),
      this.store,
      expressSurface(this.options.keepCookieOnDestroy === true),
    );
    manager.requestStore = this.requestStore;
    manager.otherId = (req) => parsedId(req, manager);
    return manager;
  }

  /** @throws Error if neither the options nor the request has a secret. */
  private managerOf(req: ParsedRequest): SessionManager {
    const secret = this.options.secret ? undefined : req.secret;
    if (!this.options.secret && !secret) throw new Error('secret option required for sessions');
    let manager = this.managers.get(secret);
    if (manager === undefined) {
      manager = this.createManager(secret);
      this.managers.set(secret, manager);
    }
    return manager;
  }

  handle(req: ParsedRequest, res: ServerResponse, next: Next): void {
    if (!this.connected || hasSession(req, res)) return next();
    let live: RequestSession | undefined;
    // `next` is called outside of `try`, so that what it throws reaches the caller.
    let sync = true;
    let ready = false;
    const begin = (): void =>
      live!.begin(() => {
        if (sync) ready = true;
        else this.goOn(req, live!, next);
      });
    try {
      live = isUnderPath(this.pathFor(req), req.originalUrl ?? req.url) ? this.start(req, res) : undefined;
      if (live !== undefined && this.opened) begin();
    } catch (error) {
      return this.fail(req, error, next);
    }
    sync = false;
    if (live === undefined) next();
    else if (ready) this.goOn(req, live, next);
    else if (!this.opened) this.open().then(begin, (error: unknown) => this.fail(req, error, next));
  }

  private start(req: ParsedRequest, res: ServerResponse): RequestSession {
    return startSession(this.managerOf(req), req, hasGate(res) ? res : undefined, EXPRESS_SESSION_ID);
  }

  private goOn(req: ParsedRequest, live: RequestSession, next: Next): void {
    const { services } = live;
    if (live.hasFailed && services.options.onStoreError === 'fail') {
      const error = storeErrorOf(live.failureToLoad, services);
      const unavailable =
        error === live.failureToLoad ? new SessionUnavailableError(undefined, { cause: error }) : error;
      return this.fail(req, unavailable, next);
    }
    try {
      this.decideNow(live);
    } catch (error) {
      return this.fail(req, error, next);
    }
    next();
  }

  /**
   * The app's functions are called before `next`, as in express-session, so that their errors reach the error handlers.
   */
  private decideNow(live: RequestSession): void {
    const core = live.currentCore;
    if (core?.status !== 'new') return;
    if (this.options.genid) void core.id;
    if (typeof this.options.cookie === 'function') void core.cookie;
  }

  /** Error handlers get a request without a session. */
  private fail(req: ParsedRequest, error: unknown, next: Next): void {
    sessionOf(req)?.makeReadOnly();
    delete (req as { session?: unknown }).session;
    next(error);
  }

  private pathFor(req: IncomingMessage): string | undefined {
    const { cookie } = this.options;
    return (typeof cookie === 'function' ? cookie(req) : cookie)?.path;
  }

  /** If the store can't be opened, the waiting requests fail, and the next one tries again. */
  private open(): Promise<void> {
    this.opening ??= this.store.open!().then(
      () => void (this.opened = true),
      (error: unknown) => {
        this.opening = undefined;
        throw error;
      },
    );
    return this.opening;
  }

  /** `store.generate(req)`. */
  private generate(req: object): void {
    const live = sessionOf(req as SessionRequest);
    if (live !== undefined) {
      // `delete req.session` has removed the accessor.
      if (!Object.hasOwn(req, 'session')) Object.defineProperty(req, 'session', SESSION);
      live.startOver();
      return;
    }
    // The request has not seen the middleware: it is a socket's, or was made up.
    const holder = req as SessionHolder;
    const manager = [...this.managers.values()][0] ?? this.createManager(undefined);
    const { genid, cookie, cookieFor } = manager.options;
    holder.sessionID = genid(req as IncomingMessage);
    const made = new Session(holder);
    made.cookie = new Cookie(cookieFor === undefined ? cookie : cookieFor(req as IncomingMessage), () => manager.now());
    holder.session = made;
  }
}

/**
 * Whether there is another session, from an outer middleware of ours or from another library. After a session was
 * destroyed or unset, another may follow.
 */
function hasSession(req: ParsedRequest, res: ServerResponse): boolean {
  const earlier = sessionOf(req);
  if (earlier !== undefined && (!earlier.isPutAside || res.headersSent)) return true;
  return Boolean((req as { session?: unknown }).session);
}
