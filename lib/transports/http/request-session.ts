import { isPrincipal } from '../../session/derived-principal.js';
import { hash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { findCookies } from '../../cookie/cookie-header.js';
import { SessionOptionsError, SessionStateError, SessionUnavailableError } from '../../common/errors.js';
import type { Device, SessionMetadata, MayEnd } from '../../record/session-metadata.js';
import { show } from '../../common/duration.js';
import type { SessionValues } from '../../record/record-text.js';
import {
  addHeader,
  addSetCookie,
  attachGate,
  isCacheable,
  makePrivate,
  type Gate,
  type GateCarrier,
  type GateHooks,
} from './response-gate.js';
import { type CoreHost, SessionCore } from '../../session/session-core.js';
import {
  type CookieAttributes,
  serializeCookie,
  serializeAttributes,
  SessionCookie,
} from '../../cookie/session-cookie.js';
import type { SessionEventType } from '../../common/session-events.js';
import { INSPECT } from '../../common/inspect-symbol.js';
import { isWellFormedId } from '../../record/session-id.js';
import type { SessionManager } from '../../session-manager.js';
import { rememberedMs } from '../../session/login-options.js';
import { isStoreError, type LoadedRecord, type RecordReader } from '../../record/session-records.js';
import type { Found, SessionWriter, Written } from '../../commit/session-writer.js';
import { failureOf } from './failure-response.js';

/** What a framework knows of a request that plain HTTP doesn't say. */
export interface RequestFacts {
  /** Whether the client speaks https, behind whatever proxies the framework trusts. */
  isSecure(req: IncomingMessage): boolean;
  /** The client's address, likewise. */
  ip(req: IncomingMessage): string | undefined;
  /** A well-signed id that came by another way than the Cookie header, where that brought none. */
  otherId?(req: IncomingMessage): string | undefined;
}

/** The longest text of an IPv6 address has 45 characters; a zone may follow. */
const LONGEST_IP = 64;
const LONGEST_USER_AGENT = 256;
/** Of cookies that have the session's name, so many are looked at. */
const MOST_COOKIES = 4;

/** A session in one request: read from the cookie and the store, committed before the first byte leaves. */
export class RequestSession implements CoreHost, GateHooks, GateCarrier, RecordReader {
  /** The response's gate. */
  gate: Gate | undefined;
  /** False where the route turned out to have no session: nothing is written then, and no cookie set. */
  isCovered = true;
  private core: SessionCore | undefined;
  private error: unknown;
  private opened = false;
  private loading = false;
  /** Who waits for the session to be read: the first, and the others. */
  private goOn: (() => void) | undefined;
  private waiting: (() => void)[] | undefined;
  private unset = false;
  /** What the app has put in the session's place. */
  unsetAs: null | false | undefined;
  private moved = false;
  /** The log, or the answer, says that something was not saved. */
  private lossIsTold = false;
  /** The store failed a verb that the app called. */
  private storeFailed = false;
  private cookieWasSet = false;
  private secure: boolean | undefined;
  /** The well-signed id that the browser sent. */
  private browserId: string | undefined;
  /** Whether the browser holds a cookie of that name, good or not. */
  private browserHasCookie = false;
  /** A well-signed id whose record is over, or gone. */
  private overdueId: string | undefined;
  /** Sessions that were replaced, with what they held then. */
  private detached: Map<SessionCore, string> | undefined;
  private pending: Set<Promise<unknown>> | undefined;

  constructor(
    readonly manager: SessionManager,
    private readonly framework: RequestFacts | undefined,
    readonly req: IncomingMessage | undefined,
    private readonly res: ServerResponse | undefined,
  ) {}

  /** A session outside a request. */
  static detachedFrom(manager: SessionManager, core: (host: CoreHost) => SessionCore): SessionCore {
    const host = new RequestSession(manager, undefined, undefined, undefined);
    host.opened = true;
    host.core = core(host);
    return host.core;
  }

  /** Reads the cookie and the session, unless that is to be done on demand; then goes on, whatever came of it. */
  begin(next: () => void): void {
    if (this.manager.options.load === 'lazy') next();
    else this.openThen(next);
  }

  private readCard(): void {
    const { options, signer, events } = this.manager;
    const header = this.req!.headers.cookie;
    if (header !== undefined) {
      for (const sent of findCookies(header, options.name, MOST_COOKIES)) {
        this.browserHasCookie = true;
        this.browserId = signer.read(sent);
        if (this.browserId !== undefined) break;
      }
      if (this.browserHasCookie && this.browserId === undefined)
        events.emit('loaded-invalid', undefined, { reason: 'signature' });
    }
    if (this.browserId === undefined && this.framework?.otherId !== undefined) {
      this.browserId = this.framework.otherId(this.req!);
      this.browserHasCookie ||= this.browserId !== undefined;
    }
  }

  /** Reads the session, once. It never rejects: a store that fails is told where the session is asked for. */
  open(): Promise<void> | undefined {
    if (this.opened && !this.loading) return undefined;
    return new Promise((resolve) => this.openThen(resolve));
  }

  /** The same with a callback, which costs a request less. */
  private openThen(then: () => void): void {
    if (this.loading) {
      (this.waiting ??= []).push(then);
      return;
    }
    if (this.opened) {
      then();
      return;
    }
    this.opened = true;
    if (this.res !== undefined && this.gate === undefined) attachGate(this.res, this);
    this.readCard();
    if (this.browserId === undefined) {
      this.core = new SessionCore(this.manager, this);
      then();
      return;
    }
    this.loading = true;
    this.goOn = then;
    this.manager.records.read(this.manager.records.key(this.browserId), this);
  }

  /** The store's answer. */
  loaded(record: LoadedRecord | undefined): void {
    const { manager } = this;
    const metadata = record?.record.metadata;
    if (
      metadata === undefined ||
      manager.options.bindTo.length > 0 ||
      metadata.replaced !== undefined ||
      !manager.isLive(metadata) ||
      (metadata.principal !== undefined && manager.isTouchDue(metadata))
    ) {
      void this.loadFurther(this.browserId!, record);
      return;
    }
    this.core = new SessionCore(manager, this, { id: this.browserId!, loaded: record! });
    this.settleOpen();
  }

  /** The store's failure. */
  failed(error: unknown): void {
    this.error = error;
    this.manager.noteStoreFailure('load', error);
    this.settleOpen();
  }

  private settleOpen(): void {
    this.loading = false;
    const { goOn, waiting } = this;
    this.goOn = undefined;
    this.waiting = undefined;
    goOn!();
    if (waiting !== undefined) for (const other of waiting) other();
  }

  /** An id that is unknown, was renewed, or has to be looked at more closely. */
  private async loadFurther(id: string, first: LoadedRecord | undefined): Promise<void> {
    const { manager } = this;
    try {
      const found = await manager.writer.read(async () => {
        const live = await this.liveOf(id, first);
        return typeof live === 'object' ? live : ((await this.liveOfOtherCookies(id)) ?? live);
      });
      if (typeof found === 'object') {
        this.core = new SessionCore(manager, this, found);
        if (manager.options.bindTo.length > 0) await this.checkBinding(this.core);
      } else {
        this.core = new SessionCore(manager, this);
        if (found === 'retired') this.core.status = 'muted';
        else this.overdueId = id;
        if (found === undefined) manager.events.emit('loaded-invalid', manager.records.key(id), { reason: 'unknown' });
      }
    } catch (error) {
      this.failed(error);
      return;
    }
    this.settleOpen();
  }

  /** The live session of an id. One whose principal was logged out everywhere since is ended here, before a guard sees it. */
  private async liveOf(id: string, loaded: LoadedRecord | undefined): ReturnType<SessionWriter['locate']> {
    const { writer, principals } = this.manager;
    const found = loaded === undefined ? undefined : await writer.locate(id, loaded);
    if (typeof found !== 'object') return found;
    const { metadata } = found.loaded.record;
    if (metadata?.principal === undefined || !this.manager.isTouchDue(metadata)) return found;
    return (await principals.endIfRevoked(found.loaded)) ? 'ended' : found;
  }

  /**
   * The browser may hold several cookies of this name, such as one of an older path or domain, which it then sends first. The first that is
   * well signed and leads to a live session counts.
   */
  private async liveOfOtherCookies(tried: string): Promise<Found | undefined> {
    const { options, signer, records } = this.manager;
    for (const sent of findCookies(this.req?.headers.cookie, options.name, MOST_COOKIES)) {
      const id = signer.read(sent);
      if (id === undefined || id === tried) continue;
      const found = await this.liveOf(id, await records.load(records.key(id)));
      if (typeof found !== 'object') continue;
      this.browserId = id;
      return found;
    }
    return undefined;
  }

  private async checkBinding(core: SessionCore): Promise<void> {
    if (core.metadata.binding === undefined || core.metadata.binding === this.binding()) return;
    this.manager.events.emit('mismatch', core.key, {
      handle: core.metadata.handle,
      principal: core.metadata.principal,
      reason: 'userAgent',
    });
    if (this.manager.options.onMismatch !== 'destroy') return;
    if (await this.manager.writer.destroy(core)) this.emitEnd(core, 'destroyed');
    this.core = new SessionCore(this.manager, this);
  }

  /** Whether the store failed to give the session. */
  get hasFailed(): boolean {
    return this.error !== undefined;
  }

  /** Why it did. */
  get failureToLoad(): unknown {
    return this.error;
  }

  /**
   * What `req.session` is; `undefined` after it was destroyed or unset.
   *
   * @throws SessionUnavailableError where the store failed and `onStoreError` is `fail`.
   * @throws SessionStateError where `load` is `lazy` and nobody has opened it.
   */
  get session(): object | undefined {
    const core = this.currentCore;
    return core === undefined ? undefined : core.session;
  }

  /** The core behind `session`. */
  get currentCore(): SessionCore | undefined {
    if (!this.opened || this.loading) {
      throw new SessionStateError(
        'NOT_LOADED',
        "The session has not been read yet: with load: 'lazy' it is there once a decorator or a guard has asked for it. Use @Session(), or load: 'eager'.",
      );
    }
    if (this.error !== undefined) {
      if (this.manager.options.onStoreError === 'fail')
        throw new SessionUnavailableError(undefined, { cause: this.error });
      this.core ??= this.mutedCore();
    }
    return this.unset || this.core!.status === 'ended' ? undefined : this.core;
  }

  private mutedCore(): SessionCore {
    const core = new SessionCore(this.manager, this);
    core.status = 'muted';
    return core;
  }

  /** The id, also of a session that was ended; `undefined` where the store failed. */
  get id(): string | undefined {
    return this.core?.visibleId;
  }

  /** `req.session = null`, or deleting it. */
  unsetSession(value?: null | false): void {
    this.unset = true;
    this.unsetAs = value;
  }

  /** Destroyed, unset or deleted: the request may be given another session. */
  get isPutAside(): boolean {
    return this.unset || this.core?.status === 'ended' || this.wasDeleted();
  }

  /** Nothing of this session will be written, and no cookie set. */
  mute(): void {
    this.core = this.mutedCore();
  }

  /** A new session without data takes the place of the current one, whose record is left to the caller. */
  startOver(): object {
    const next = new SessionCore(this.manager, this);
    next.rotation = 'regenerate';
    this.core = next;
    this.unset = false;
    this.unsetAs = undefined;
    return next.session;
  }

  /** The same after the record of the current one was ended, or could not be. */
  async replace(core: SessionCore): Promise<void> {
    this.admitStranger(core);
    if (core.status === 'muted') this.assertCurrent(core);
    if (this.res?.headersSent) throw headersSent('regenerate()');
    try {
      await this.endRecord(core);
    } finally {
      this.startOver();
    }
  }

  /** Whether this is the session that the request goes on with. */
  isCurrent(core: SessionCore): boolean {
    return core === this.core;
  }

  /** Ends the record of a session, or of the one whose place it was to take, if there is one; and nothing else. */
  async endRecord(core: SessionCore, type: SessionEventType = 'destroyed', mayEnd?: MayEnd): Promise<void> {
    const ended = core.replaces ?? core;
    if (await this.track(this.manager.writer.destroy(core, mayEnd))) this.emitEnd(ended, type);
    // By this process's clock it is over, but that may be wrong: a logout must not leave it to others.
    else if (this.overdueId !== undefined && ended.status === 'new')
      await this.track(this.manager.writer.endOverdue(this.overdueId));
  }

  /** Of a session that was there, and that nobody else had ended before. */
  private emitEnd(core: SessionCore, type: SessionEventType): void {
    this.manager.events.emit(type, core.key, { handle: core.metadata.handle, principal: core.metadata.principal });
  }

  /** A request that is logged shows neither secrets nor ids. */
  [INSPECT](): string {
    return 'RequestSession {}';
  }

  // --- What a core asks of its host

  newId(): string {
    const id = this.manager.options.genid(this.req);
    if (!isWellFormedId(id))
      throw new SessionOptionsError(
        `"genid" gave ${typeof id === 'string' ? 'an id that is no text of 1 to 256 visible ASCII characters' : show(id)}.`,
      );
    return id;
  }

  device(): Device | undefined {
    if (!this.manager.options.device || this.req === undefined) return undefined;
    const userAgent = this.req.headers['user-agent'];
    const ip = this.framework?.ip(this.req);
    return { userAgent: userAgent?.slice(0, LONGEST_USER_AGENT), ip: ip?.slice(0, LONGEST_IP) };
  }

  binding(): string | undefined {
    if (this.manager.options.bindTo.length === 0 || this.req === undefined) return undefined;
    return hash('sha256', this.req.headers['user-agent'] ?? '', 'base64').slice(0, 22);
  }

  cookieOf(core: SessionCore): SessionCookie {
    const { options } = this.manager;
    const attributes = this.manager.decideAttributes(
      options.cookieFor === undefined || this.req === undefined ? options.cookie : options.cookieFor(this.req),
      this.isSecure(),
    );
    const now = () => this.manager.now();
    const cookie = this.manager.surface.createCookie?.(attributes, now) ?? new SessionCookie(attributes, now);
    const { maxAge, ...others } = core.metadata.cookieOverrides ?? {};
    cookie.restore(maxAge === undefined || core.claim?.endsLife ? others : { maxAge, ...others });
    return cookie;
  }

  cookieJson(core: SessionCore, metadata: SessionMetadata): string {
    if (this.manager.options.cookieFor !== undefined) core.cookie.touch();
    else if (core.cookieIfAsked !== undefined && metadata.seenAt === this.manager.now()) core.cookie.touch();
    if (core.cookieIfAsked === undefined && metadata.cookieOverrides === undefined)
      return this.manager.storedCookieText(metadata, this.isSecure());
    return JSON.stringify(this.manager.storedCookieOf(core, metadata, this.isSecure()));
  }

  private isSecure(): boolean {
    this.secure ??=
      this.req === undefined || this.framework === undefined ? true : this.askSecure(this.req, this.framework);
    return this.secure;
  }

  private askSecure(req: IncomingMessage, framework: RequestFacts): boolean {
    const { proxy, cookie } = this.manager.options;
    const encrypted = (req.socket as { encrypted?: boolean } | undefined)?.encrypted === true;
    const forwarded = req.headers['x-forwarded-proto'];
    const said = forwarded !== undefined && String(forwarded).split(',')[0]!.trim().toLowerCase() === 'https';
    if (proxy === true) return encrypted || said;
    const secure = proxy === false ? encrypted : framework.isSecure(req);
    if (!secure && said && cookie.secure === 'auto') {
      this.manager.warnOnce(
        'untrusted-proxy',
        'A request says X-Forwarded-Proto: https, but no proxy is trusted, so the session cookie is sent without Secure. Tell the framework which proxy to trust (Express: app.set("trust proxy", 1)), or set "proxy": true.',
      );
    }
    return secure;
  }

  // --- The gate

  /** With `load: 'lazy'` nobody has asked for the session; who puts an end to it has to be heard all the same. */
  private openToEnd(): Promise<void> | undefined {
    if (this.manager.options.unset !== 'destroy' || !(this.unset || this.wasDeleted())) return undefined;
    return this.open()?.then(() => this.commit(true)) ?? this.commit(true);
  }

  beforeHeaders(): Promise<void> | undefined {
    if (!this.isCovered) return undefined;
    if (!this.opened) return this.openToEnd();
    if (this.pending !== undefined && this.pending.size > 0) return this.afterPending(true);
    return this.loading ? this.open()!.then(() => this.commit(true)) : this.commit(true);
  }

  beforeEnd(): Promise<void> | undefined {
    if (!this.opened || !this.isCovered || this.error !== undefined) return undefined;
    if (this.pending !== undefined && this.pending.size > 0) return this.afterPending(false);
    try {
      return this.commit(false)?.catch((error: unknown) => this.reportLate(error));
    } catch (error) {
      this.reportLate(error);
      return undefined;
    }
  }

  failure(_res: ServerResponse, error: unknown) {
    this.manager.noteStoreFailure('save', error);
    this.lossIsTold = true;
    const failure = failureOf(error, this.req, this.manager.options);
    // An id that was saved before the failure is the only one that leads to the session.
    const saved = this.core?.replaces ?? this.core;
    if (saved?.status !== 'loaded' || saved.isReplaced || saved.id === this.browserId || this.cookieWasSet)
      return failure;
    const cookie = this.setCookieText(saved);
    return cookie === undefined ? failure : { ...failure, headers: { ...failure.headers, 'Set-Cookie': cookie } };
  }

  private reportLate(error: unknown): void {
    this.lossIsTold = true;
    this.manager.options.logger.error(
      'What the session held at the end of a streamed response could not be saved.',
      error,
    );
  }

  private async afterPending(atStart: boolean): Promise<void> {
    // How each ended its own caller is told.
    while (this.pending!.size > 0) await Promise.allSettled(this.pending!);
    if (atStart) await this.commit(true);
    else await this.beforeEnd();
  }

  private commit(atStart: boolean): Promise<void> | undefined {
    if (this.detached !== undefined) this.reportDetached(this.detached);
    const { core } = this;
    // As beside the answer to a save that fails now.
    if (atStart && (this.error !== undefined || this.storeFailed) && this.res?.statusCode === 503)
      addHeader(this.res, 'Retry-After', '1');
    if (this.error !== undefined || core === undefined) return undefined;
    if (core.status === 'ended') {
      if (atStart) this.clearCookie(core);
      return undefined;
    }
    if (this.unset || this.wasDeleted()) return this.commitUnset(core, atStart);
    if (core.status === 'muted' || core.status === 'gone') return undefined;
    if (atStart && this.isRenewalDue(core)) core.rotation = 'renew';
    const need = this.needOf(core);
    if (need === 'change' && this.logsInByData(core)) this.giveNewId(core);
    if (need === undefined) {
      if (atStart) this.sendCookie(core);
      this.watchForLateWrites(core);
      return undefined;
    }
    if (!atStart && (core.status === 'new' || core.rotation !== undefined)) {
      core.forgetCompared();
      if (core.status === 'loaded' || core.isChanged()) {
        this.lossIsTold = true;
        this.manager.options.logger.warn(
          'A session was begun, or its id changed, after the response had begun: its cookie can no longer be sent, so it was not saved.',
        );
      }
      return undefined;
    }
    return this.commitWrite(core, atStart, need);
  }

  /** `delete req.session`. */
  private wasDeleted(): boolean {
    return this.req !== undefined && !Object.hasOwn(this.req, 'session');
  }

  private async commitWrite(core: SessionCore, atStart: boolean, need: 'change' | 'touch'): Promise<void> {
    const { cookieChanged } = core;
    try {
      await this.write(core, need);
    } catch (error) {
      // Only the idle end was to be moved: no reason to fail a request that needed nothing of it.
      if (need === 'change') throw error;
      this.manager.noteStoreFailure('touch', error);
    }
    if (atStart) this.sendCookie(core, cookieChanged);
    this.watchForLateWrites(core);
  }

  private watchForLateWrites(core: SessionCore): void {
    if (core.isGiven && this.manager.surface.strict && this.res !== undefined)
      this.manager.watchForLateWrites(this, core);
  }

  private write(core: SessionCore, need: 'change' | 'touch'): Promise<Written> {
    const moves = movesEnd(core);
    const writing = this.manager.writer.write(core, need);
    core.forgetCompared();
    return moves ? this.noteMove(writing) : writing;
  }

  private async noteMove(writing: Promise<Written>): Promise<Written> {
    const written = await writing;
    if (written === 'ok') this.moved = true;
    return written;
  }

  private async commitUnset(core: SessionCore, atStart: boolean): Promise<void> {
    if (core.status === 'gone' || core.status === 'muted') return;
    const ends = this.manager.options.unset === 'destroy';
    // Where it is kept, what was to take another's place has done so all the same, and a new id that was saved is sent.
    if (ends || core.replaces !== undefined) await this.endRecord(core);
    else if (atStart && core.id !== this.browserId) this.sendCookie(core);
    if (!ends) return;
    core.status = 'ended';
    if (atStart) this.clearCookie(core);
  }

  /**
   * Whether this request has logged somebody in by changing the data (`session.user = …`) under the id that the browser sent. An id that an
   * attacker may know must not become a logged-in one (session fixation).
   */
  private logsInByData(core: SessionCore): boolean {
    // A renewal that is due leads on from the old id.
    if (core.status !== 'loaded' || (core.rotation !== undefined && core.rotation !== 'renew')) return false;
    if (core.claim !== undefined || (this.res !== undefined && core.hasFreshId)) return false;
    const who = core.loggedInNow();
    return who !== undefined && who !== core.loggedInBefore();
  }

  private giveNewId(core: SessionCore): void {
    if (this.manager.surface.strict) core.rotation = 'login';
    else
      this.manager.warnOnce(
        'fixation',
        'A session has come to be logged in to under the id that the browser already had, which allows session fixation: call req.session.regenerate() first, or keycard(req.session).login().',
      );
  }

  private isRenewalDue(core: SessionCore): boolean {
    const { renewAfterMs } = this.manager.options;
    if (renewAfterMs === Number.POSITIVE_INFINITY || core.status !== 'loaded' || core.rotation !== undefined)
      return false;
    return this.manager.now() - (core.metadata.idSince ?? core.metadata.createdAt) >= renewAfterMs;
  }

  /** What there is to write: a change of anything, or only the idle end. */
  private needOf(core: SessionCore): 'change' | 'touch' | undefined {
    core.forgetCompared();
    if (core.claim !== undefined || core.rotation === 'regenerate' || core.replaces !== undefined) return 'change';
    if (core.status === 'new')
      return core.isChangedNow() || (this.manager.options.saveUninitialized && !this.isPreflight())
        ? 'change'
        : undefined;
    if (core.rotation !== undefined || core.cookieChanged || core.isChangedNow()) return 'change';
    return core.due || core.unsettled ? 'touch' : undefined;
  }

  /** CORS asks ahead of the request itself. A browser sends no cookies with that, and keeps none of its answer. */
  private isPreflight(): boolean {
    const { method, headers } = this.req ?? {};
    return method === 'OPTIONS' && headers!['access-control-request-method'] !== undefined;
  }

  private reportDetached(detached: Map<SessionCore, string>): void {
    for (const [core, json] of detached) {
      if (textOf(core) === json) continue;
      if (core.status === 'ended')
        this.manager.warnOnce(
          'after end',
          'A session was written to after logout() or destroy() had ended it; what was written is lost. To keep something for the visitor, call regenerate() instead.',
        );
      else
        this.manager.warnOnce(
          'after regenerate',
          'A session was written to after regenerate() had put another in its place; what was written is lost. Use the session that regenerate() gives.',
        );
    }
    this.detached = undefined;
  }

  /** Whether the app has written to the session since its response ended, and not saved it. */
  isWrittenLate(core: SessionCore): boolean {
    if (this.lossIsTold || core !== this.core || (core.status !== 'loaded' && core.status !== 'new')) return false;
    if (!this.res!.writableFinished && !this.res!.destroyed) return false;
    try {
      return core.isChanged();
    } catch {
      // What was saved could be JSON, and this can't.
      return true;
    }
  }

  // --- The cookie

  private sendCookie(core: SessionCore, cookieChanged = false): void {
    if (core.status !== 'loaded' || core.isReplaced || this.res === undefined || this.cookieWasSet) return;
    const policy = this.manager.surface.sendsCookie;
    const changed = core.id !== this.browserId;
    if (
      !changed &&
      !(policy === undefined
        ? this.moved && this.manager.options.rolling && this.isPersistent(core)
        : policy(core, this.moved))
    )
      return;
    // The browser has it: a later lifetime can wait for an answer that caches don't keep.
    if (!changed && !cookieChanged && isCacheable(this.res)) return;
    const text = this.setCookieText(core);
    if (text === undefined) return;
    this.cookieWasSet = true;
    this.addCookie(this.res, text);
    this.warnOfRefusal(text);
  }

  /** A shared cache must not hand one visitor's cookie to another. */
  private addCookie(res: ServerResponse, text: string): void {
    addSetCookie(res, text);
    if (isCacheable(res)) makePrivate(res);
    else if (this.manager.surface.cacheControl) addHeader(res, 'Cache-Control', 'no-cache="Set-Cookie"');
  }

  private isPersistent(core: SessionCore): boolean {
    const own =
      core.cookieIfAsked ??
      (core.metadata.cookieOverrides === undefined && this.manager.options.cookieFor === undefined
        ? undefined
        : core.cookie);
    if (own !== undefined) return own.expires !== null;
    const { maxAge, expires } = this.manager.options.cookie;
    return (maxAge ?? expires ?? null) !== null;
  }

  private setCookieText(core: SessionCore): string | undefined {
    const { options, signer } = this.manager;
    const secure = this.isSecure();
    const signed = signer.sign(core.id);
    if (
      core.cookieIfAsked === undefined &&
      core.metadata.cookieOverrides === undefined &&
      options.cookieFor === undefined
    ) {
      if (options.cookie.secure === true && !secure) return this.refuseInsecure();
      const [before, after] = this.manager.attributeText(secure);
      const { maxAge, expires } = options.cookie;
      const end = maxAge === undefined || maxAge === null ? expires : new Date(core.metadata.seenAt + maxAge);
      return `${options.name}=${encodeURIComponent(signed)}${before}${end ? `; Expires=${end.toUTCString()}` : ''}${after}`;
    }
    const attributes = this.manager.decideAttributes(core.cookie.attributes(), secure);
    if (attributes.secure === true && !secure) return this.refuseInsecure();
    return serializeCookie(options.name, signed, attributes);
  }

  /** A cookie that the browser refuses is said once: all that a visitor sees is a login that doesn't last. */
  private warnOfRefusal(text: string): void {
    const isNone = text.includes('; SameSite=None');
    if (isNone && !text.includes('; Secure')) {
      this.manager.warnOnce(
        'none without secure',
        "The session cookie says SameSite=None and was sent without Secure, as the request came over plain http, so browsers refuse it. Use https, also in development (behind a proxy, tell the framework to trust it), or sameSite: 'auto', which is 'lax' over http.",
      );
    }
    const { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': to, origin } = this.req?.headers ?? {};
    // Following a link, or sending a form, from another site is no reason for a browser to refuse it.
    if (isNone || site !== 'cross-site' || (mode === 'navigate' && to === 'document')) return;
    this.manager.warnOnce(
      'cross-site',
      `A page of another site (${origin === undefined ? 'no Origin header' : show(origin)}) was sent a session cookie that is not SameSite=None, so its browser refuses the cookie and a login doesn't last. If that site is yours, set cookie: { sameSite: 'none', secure: true } and allow its origin with credentials (CORS), or serve both from one site.`,
    );
  }

  private refuseInsecure(): undefined {
    this.manager.warnOnce(
      'insecure',
      'The session cookie was not sent, as it is Secure and the request came over plain http. Behind a proxy that ends TLS, tell the framework to trust it.',
    );
    return undefined;
  }

  /** The same attributes as it was set with (RFC 6265bis 5.7: name, domain and path must match), and an end in the past. */
  private clearCookie(core: SessionCore): void {
    if (this.res === undefined || this.cookieWasSet || this.manager.surface.keepsCookie || !this.browserHasCookie)
      return;
    const secure = this.isSecure();
    const attributes: CookieAttributes = {
      ...this.manager.decideAttributes(core.cookie.attributes(), secure),
      expires: new Date(0),
    };
    if (attributes.secure === true && !secure) return;
    this.cookieWasSet = true;
    this.addCookie(this.res, `${this.manager.options.name}=${serializeAttributes(attributes)}`);
  }

  // --- What a session can do

  async save(core: SessionCore): Promise<void> {
    // There is nothing that could be lost.
    if (this.holdsReplacedId(core) && !core.isChanged()) return;
    this.assertCurrent(core);
    if (core.status === 'new' && this.res?.headersSent) throw headersSent('save()');
    const need = core.status === 'new' ? 'change' : this.needOf(core);
    if (need === 'change' && this.logsInByData(core)) {
      if (this.manager.surface.strict)
        this.assertResponse('save() of a session that somebody has come to be logged in to');
      this.giveNewId(core);
    }
    if (need !== undefined) await this.track(this.writeOrEnd(core, need));
  }

  private async writeOrEnd(core: SessionCore, need: 'change' | 'touch'): Promise<void> {
    if ((await this.write(core, need)) === 'gone') throw endedElsewhere();
  }

  async reload(core: SessionCore): Promise<void> {
    this.assertCurrent(core);
    if (!(await this.track(this.manager.writer.reload(core)))) throw endedElsewhere();
  }

  discard(core: SessionCore): Promise<void> {
    return this.track(this.discardNow(core));
  }

  private async discardNow(core: SessionCore): Promise<void> {
    if (core.status === 'ended' || core.status === 'gone' || core.status === 'muted') return;
    while (this.isBusy(core)) await this.turnOf(core, 'discard()');
    this.assertCurrent(core);
    this.unset = false;
    core.discard();
  }

  regenerate(core: SessionCore): Promise<object> {
    return this.track(this.regenerateNow(core));
  }

  private async regenerateNow(core: SessionCore): Promise<object> {
    while (this.isBusy(core)) await this.turnOf(core, 'regenerate()');
    this.admitStranger(core);
    this.assertCurrent(core);
    this.assertResponse('regenerate()');
    const next = new SessionCore(this.manager, this);
    next.rotation = 'regenerate';
    next.replaces = core.replaces ?? (core.status === 'loaded' ? core : undefined);
    next.takeCookieOf(core);
    this.detach(core);
    this.core = next;
    return next.session;
  }

  renew(core: SessionCore): Promise<void> {
    return this.track(this.renewNow(core));
  }

  private async renewNow(core: SessionCore): Promise<void> {
    while (this.isBusy(core)) await this.turnOf(core, 'renew()');
    this.assertCurrent(core);
    this.assertResponse('renew()');
    if (core.status === 'loaded') core.rotation ??= 'renew';
  }

  login(core: SessionCore, principal: unknown, data: SessionValues | undefined, options?: unknown): Promise<void> {
    return this.track(this.loginNow(core, principal, data, options));
  }

  private async loginNow(
    core: SessionCore,
    principal: unknown,
    data: SessionValues | undefined,
    options: unknown,
  ): Promise<void> {
    if (!this.holdsReplacedId(core)) this.assertCurrent(core);
    this.assertResponse('login()');
    const name = principalName(principal);
    if (data !== undefined && (typeof data !== 'object' || data === null || Array.isArray(data))) {
      throw new TypeError(
        `session.login(principal, data): data got ${show(data)}; it takes an object of session keys.`,
      );
    }
    const remembered = this.manager.cappedLife(rememberedMs(options));
    const former =
      core.claim?.principal ?? core.metadata.principal ?? core.metadata.formerPrincipal ?? core.loggedInBefore();
    const isHandOver = typeof former === 'string' && former !== name;
    const moment = await this.manager.principals.beforeLogin(name, isHandOver ? '' : core.metadata.handle);
    while (this.isBusy(core)) await this.turnOf(core, 'login()');
    // Only now: who is refused stays who he was.
    this.admitStranger(core);
    this.assertCurrent(core);
    if (isHandOver) core.handOver();
    if (data !== undefined) Object.assign(core.session, data);
    const given = data === undefined ? [] : Object.keys(data);
    const keys = given.filter((key) => key !== 'user' && key !== 'passport');
    const endsLife = remembered === undefined;
    core.claim = { principal: name, ...moment, keys: keys.length === 0 ? undefined : keys, given, endsLife };
    if (endsLife) core.endLife();
    else core.cookie.maxAge = remembered;
    core.rotation = core.rotation === 'regenerate' ? 'regenerate' : 'login';
  }

  confirmLogin(core: SessionCore): Promise<void> {
    return this.track(this.confirmLoginNow(core));
  }

  private async confirmLoginNow(core: SessionCore): Promise<void> {
    this.assertCurrent(core);
    this.assertResponse('confirmLogin()');
    const principal = core.principal();
    if (principal === undefined)
      throw new SessionStateError(
        'UNSUPPORTED',
        'session.confirmLogin() is for a session that somebody is logged in to; use session.login().',
      );
    const moment = await this.manager.principals.beforeConfirmation(principal, core.metadata);
    if (moment === undefined) {
      await this.endRecord(core, 'revoked', await this.manager.principals.revokedOf(principal));
      core.status = 'gone';
      throw endedElsewhere();
    }
    while (this.isBusy(core)) await this.turnOf(core, 'confirmLogin()');
    this.assertCurrent(core);
    // Of a login of this very request, it is the login that a revokeAll() is held against.
    const mark = core.claim?.mark ?? moment.mark;
    const isLogin = this.logsInByData(core);
    const { keys = core.metadata.loginKeys, given = [], endsLife } = core.claim ?? {};
    core.claim = { principal, at: moment.at, mark, keys, given, endsLife };
    if (core.status === 'loaded' && (core.rotation === undefined || core.rotation === 'renew'))
      core.rotation = isLogin ? 'login' : 'confirm';
  }

  async destroy(core: SessionCore, type: SessionEventType): Promise<void> {
    if (core.status === 'ended') return;
    // An id that a login replaced has nothing to end, and its late holder must not clear the new cookie.
    if (this.holdsReplacedId(core)) return;
    if (core === this.core && core.status === 'gone') {
      core.status = 'ended';
      return;
    }
    this.assertCurrent(core);
    await this.track(this.end(core, type));
  }

  private async end(core: SessionCore, type: SessionEventType): Promise<void> {
    await this.endRecord(core, type);
    core.status = 'ended';
    if (core.isGiven) this.detach(core);
  }

  /** From now on what is written to it is lost. */
  private detach(core: SessionCore): void {
    (this.detached ??= new Map()).set(core, textOf(core));
  }

  async update(core: SessionCore, fn: unknown): Promise<void> {
    this.assertCurrent(core);
    if (typeof fn !== 'function')
      throw new TypeError(
        `session.update(fn): fn got ${show(fn)}; it takes a function that changes the draft it is given.`,
      );
    if (core.status === 'new' && this.res?.headersSent) throw headersSent('update()');
    const moves = movesEnd(core);
    const before = this.res === undefined || this.res.headersSent ? undefined : { who: core.loggedInBefore() };
    const writing = this.manager.writer.update(core, fn as (draft: SessionValues) => unknown);
    if ((await this.track(moves ? this.noteMove(writing) : writing)) === 'gone') throw endedElsewhere();
    if (before !== undefined && core.id === this.browserId && core.rotation === undefined) {
      const who = core.loggedInNow();
      if (who !== undefined && who !== before.who) this.giveNewId(core);
    }
  }

  /** Of a request whose id a login or `regenerate()` has replaced, with no way forward from it. */
  private holdsReplacedId(core: SessionCore): boolean {
    return core === this.core && core.status === 'muted' && this.error === undefined;
  }

  /** Its holder may begin anew all the same, as with a second click on "log in", and gets a session of his own. */
  private admitStranger(core: SessionCore): void {
    if (this.holdsReplacedId(core)) core.status = 'new';
  }

  private assertCurrent(core: SessionCore): void {
    if (core.status === 'muted')
      throw new SessionUnavailableError(
        'The session can not be saved: its store failed, or its id was replaced by a login meanwhile.',
        { cause: this.error },
      );
    if (core.status === 'ended' || core.status === 'gone') throw endedElsewhere();
    if (core !== this.core)
      throw new SessionStateError(
        'ENDED',
        'This session was replaced by regenerate(); use the one that regenerate() gives.',
      );
  }

  private assertResponse(what: string): void {
    if (this.res === undefined)
      throw new SessionStateError(
        'NO_RESPONSE',
        `session.${what} gives the session a new id, and there is no response here that could carry it.`,
      );
    if (this.res.headersSent) throw headersSent(what);
  }

  private isBusy(core: SessionCore): boolean {
    return this.manager.writer.underWay(core) !== undefined;
  }

  /** A new id is for what the session is once the writes that are under way have ended. */
  private async turnOf(core: SessionCore, what: string): Promise<void> {
    if (core.applying)
      throw new SessionStateError(
        'UNSUPPORTED',
        `session.${what} can't be called while fn of update(fn) is at work; wait for update() first.`,
      );
    await this.manager.writer.underWay(core);
  }

  private async track<T>(work: Promise<T>): Promise<T> {
    const pending = (this.pending ??= new Set());
    pending.add(work);
    try {
      return await work;
    } catch (error) {
      this.storeFailed ||= isStoreError(error);
      throw error;
    } finally {
      pending.delete(work);
    }
  }
}

function principalName(principal: unknown): string {
  if (isPrincipal(principal)) return String(principal);
  throw new TypeError(
    `session.login(principal): principal got ${show(principal)}; it takes the user's id, as text or a number.`,
  );
}

const headersSent = (what: string): SessionStateError =>
  new SessionStateError(
    'HEADERS_SENT',
    `session.${what} came after the response had begun, so its cookie can no longer be sent. Call it before the first byte.`,
  );

const endedElsewhere = (): SessionStateError =>
  new SessionStateError('ENDED', 'The session has ended: it expired, or was logged out meanwhile.');

/** Whether the next write moves the end of the session, or its cookie. */
const movesEnd = (core: SessionCore): boolean => core.due || core.cookieChanged || core.rotation !== undefined;

/** The data, to be compared; what can't be JSON counts as unchanged. */
function textOf(core: SessionCore): string {
  try {
    return JSON.stringify(core.values());
  } catch {
    return '';
  }
}
