import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Found, RecordFinder } from '../../commit/record-finder.js';
import { SessionStateError, SessionUnavailableError } from '../../common/errors.js';
import { findCookies } from '../../cookie/cookie-header.js';
import type { LoadedRecord, RecordReader } from '../../record/session-records.js';
import type { SessionCore } from '../../session/session-core.js';
import { bindingOf } from './request-origin.js';
import type { RequestServices } from './request-services.js';

/** How many cookies with the session cookie's name are tried. */
const MOST_COOKIES = 4;

/** How a request gets its session: from the cookie, and from the store. */
export abstract class RequestOpening implements RecordReader {
  core: SessionCore | undefined;
  failureToLoad: unknown;
  browserId: string | undefined;
  /** Whether the browser sent a cookie of that name, valid or not. */
  browserHasCookie = false;
  overdueId: string | undefined;
  isUnset = false;
  /** What the app assigned to `req.session`. */
  unsetAs: null | false | undefined;
  protected isOpened = false;
  protected isLoading = false;
  /** Callbacks that wait for the session to be read: the first, and the others. */
  private goOn: (() => void) | undefined;
  private waiting: (() => void)[] | undefined;

  constructor(
    readonly services: RequestServices,
    readonly req: IncomingMessage | undefined,
    readonly res: ServerResponse | undefined,
  ) {}

  /** Makes the session of this request, from the record that was found, if there is one. */
  protected abstract newCore(found?: Found): SessionCore;

  /** Holds the response from now on. */
  protected abstract attachGate(): void;

  /** Whether the store failed to load the session. */
  get hasFailed(): boolean {
    return this.failureToLoad !== undefined;
  }

  /** Reads the cookie and the session, unless `load` is `lazy`. Then calls `next`, even if the store failed. */
  begin(next: () => void): void {
    if (this.services.options.load === 'lazy') next();
    else this.openThen(next);
  }

  /** Reads the session, once. Never rejects: if the store failed, accessing the session throws. */
  open(): Promise<void> | undefined {
    if (this.isOpened && !this.isLoading) return undefined;
    return new Promise((resolve) => this.openThen(resolve));
  }

  /** Like `open`, with a callback, which is faster. */
  private openThen(then: () => void): void {
    if (this.isLoading) {
      (this.waiting ??= []).push(then);
      return;
    }
    if (this.isOpened) {
      then();
      return;
    }
    this.isOpened = true;
    this.attachGate();
    this.readCookie();
    if (this.browserId === undefined) {
      this.core = this.newCore();
      then();
      return;
    }
    this.isLoading = true;
    this.goOn = then;
    const { records } = this.services;
    records.read(records.key(this.browserId), this);
  }

  private readCookie(): void {
    const { options, signer, events, otherId } = this.services;
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
    if (this.browserId === undefined && otherId !== undefined) {
      this.browserId = otherId(this.req!);
      this.browserHasCookie ||= this.browserId !== undefined;
    }
  }

  /** The store answered. */
  loaded(record: LoadedRecord | undefined): void {
    const { options, lifetimes } = this.services;
    const metadata = record?.record.metadata;
    if (
      metadata === undefined ||
      options.bindTo.length > 0 ||
      metadata.replaced !== undefined ||
      !lifetimes.isLive(metadata) ||
      (metadata.principal !== undefined && lifetimes.isTouchDue(metadata))
    ) {
      void this.loadFurther(this.browserId!, record);
      return;
    }
    this.core = this.newCore({ id: this.browserId!, loaded: record! });
    this.settleOpen();
  }

  /** The store failed. */
  failed(error: unknown): void {
    this.failureToLoad = error;
    this.services.notices.storeFailed('load', error);
    this.settleOpen();
  }

  private settleOpen(): void {
    this.isLoading = false;
    const { goOn, waiting } = this;
    this.goOn = undefined;
    this.waiting = undefined;
    goOn!();
    if (waiting !== undefined) for (const other of waiting) other();
  }

  /** For an id without a live record under its key: follows renewals, checks for revocation and tries other cookies. */
  private async loadFurther(id: string, first: LoadedRecord | undefined): Promise<void> {
    const { writer, options, events, records } = this.services;
    try {
      const found = await writer.inTime(async () => {
        const live = await this.liveOf(id, first);
        return typeof live === 'object' ? live : ((await this.liveOfOtherCookies(id)) ?? live);
      });
      if (typeof found === 'object') {
        this.core = this.newCore(found);
        if (options.bindTo.length > 0) await this.checkBinding(this.core);
      } else {
        this.core = this.newCore();
        if (found === 'replaced') this.core.status = 'read-only';
        else this.overdueId = id;
        // A failed id change may restore the old record. The id must not be valid beside the session that the browser gets now.
        if (first?.record.metadata?.replaced !== undefined) this.core.formerId = id;
        if (found === undefined) events.emit('loaded-invalid', records.key(id), { reason: 'unknown' });
      }
    } catch (error) {
      this.failed(error);
      return;
    }
    this.settleOpen();
  }

  /** The live session of an id. If its principal was logged out everywhere, it is ended here, before a guard runs. */
  private async liveOf(id: string, loaded: LoadedRecord | undefined): ReturnType<RecordFinder['locate']> {
    const { finder, lifetimes, revocations } = this.services;
    const found = loaded === undefined ? undefined : await finder.locate(id, loaded);
    if (typeof found !== 'object') return found;
    const { metadata } = found.loaded.record;
    if (metadata?.principal === undefined || !lifetimes.isTouchDue(metadata)) return found;
    return (await revocations.endIfRevoked(found.loaded)) ? 'ended' : found;
  }

  /**
   * The browser may send several cookies of this name, such as one of an older path or domain first. The first one with
   * a valid signature and a live session counts.
   */
  private async liveOfOtherCookies(tried: string): Promise<Found | undefined> {
    const { options, signer, records } = this.services;
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
    const { handle, principal, binding } = core.metadata;
    const { events, options, writer, writes } = this.services;
    if (binding === undefined || binding === bindingOf(this.req!)) return;
    events.emit('mismatch', core.key, { handle, principal, reason: 'userAgent' });
    if (options.onMismatch !== 'destroy') return;
    if (await writer.destroy(core)) writes.emitEnd(core, 'destroyed');
    this.core = this.newCore();
  }

  // --- What the app sees

  /**
   * What `req.session` returns; `undefined` after it was destroyed or unset.
   *
   * @throws SessionUnavailableError if the store failed and `onStoreError` is `fail`.
   * @throws SessionStateError if `load` is `lazy` and the session was not opened.
   */
  get session(): object | undefined {
    return this.currentCore?.session;
  }

  /** The core behind `session`. */
  get currentCore(): SessionCore | undefined {
    if (!this.isOpened || this.isLoading) {
      throw new SessionStateError(
        'NOT_LOADED',
        "The session has not been read yet: with load: 'lazy' it is there once a decorator or a guard has asked for it. Use await getSession(req), @Session() or @UseGuards(OpenSession), or load: 'eager'.",
      );
    }
    if (this.failureToLoad !== undefined) {
      if (this.services.options.onStoreError === 'fail')
        throw new SessionUnavailableError(undefined, { cause: this.failureToLoad });
      this.core ??= this.readOnlyCore();
    }
    return this.isUnset || this.core!.status === 'ended-here' ? undefined : this.core;
  }

  /** The id, also of a session that has ended; `undefined` if the store failed. */
  get id(): string | undefined {
    return this.core?.visibleId;
  }

  /** `req.session = null`, or deleting it. */
  unsetSession(value?: null | false): void {
    this.isUnset = true;
    this.unsetAs = value;
  }

  /** Destroyed, unset or deleted: another middleware may set a session. */
  get isPutAside(): boolean {
    return this.isUnset || this.core?.status === 'ended-here' || this.wasDeleted();
  }

  /** From now on nothing of this session is written, and no cookie is set. */
  makeReadOnly(): void {
    this.core = this.readOnlyCore();
  }

  private readOnlyCore(): SessionCore {
    const core = this.newCore();
    core.status = 'read-only';
    return core;
  }

  startOver(): object {
    const next = this.newCore();
    next.idChange = 'regenerate';
    this.core = next;
    this.isUnset = false;
    this.unsetAs = undefined;
    return next.session;
  }

  /** `delete req.session`. */
  protected wasDeleted(): boolean {
    return this.req !== undefined && !Object.hasOwn(this.req, 'session');
  }
}
