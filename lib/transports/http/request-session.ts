import type { ServerResponse } from 'node:http';
import { stateOf } from '../../commit/commit-state.js';
import { type CommitPlan, planCommit, type WriteReason } from '../../commit/plan-commit.js';
import type { Found } from '../../commit/record-finder.js';
import { endedAtLogin, isEndedAtLogin } from '../../commit/revocations.js';
import { INSPECT } from '../../common/inspect-symbol.js';
import type { SessionCookie } from '../../cookie/session-cookie.js';
import type { Device, SessionMetadata } from '../../record/session-metadata.js';
import { SessionCore } from '../../session/session-core.js';
import type { SessionHost, SessionVerbs } from '../../session/session-host.js';
import { signalOf } from '../../signal/session-signal.js';
import { failureOf } from './failure-response.js';
import { RequestOpening } from './request-opening.js';
import { bindingOf, deviceOfRequest, isPreflight, isSecureRequest, newIdFor } from './request-origin.js';
import type { RequestServices } from './request-services.js';
import { addHeader, attachGate, type Gate, type GateCarrier, type GateHooks } from './response-gate.js';
import type { CookieCarrier } from './set-cookie.js';

/** The session of one request: read from the cookie and the store, committed before the first byte is sent. */
export class RequestSession
  extends RequestOpening
  implements SessionHost<SessionCore>, CookieCarrier, GateHooks, GateCarrier
{
  /** The gate of the response. */
  gate: Gate | undefined;
  /** `false` if the route has no session. Then nothing is written, and no cookie is set. */
  isCovered = true;
  isEndMoved = false;
  hasStoreFailed = false;
  cookieWasSet = false;
  /** Called if the app's response is replaced because the session could not be saved. */
  onFailure: (() => void)[] | undefined;
  /** The log or the response already reports that something was not saved. */
  private lossIsTold = false;
  /** The error of a login that is not valid, if the app didn't await it. */
  private unawaited: Error | undefined;
  /** How long the response has waited for methods that the handler did not await, in ms. */
  private waitedMs = 0;
  private secure: boolean | undefined;
  private pendingVerbs: Set<Promise<unknown>> | undefined;
  private detachedCores: Map<SessionCore, string> | undefined;

  /** A session without a request. */
  static detachedFrom(services: RequestServices, found: Found): SessionCore {
    const host = new RequestSession(services, undefined, undefined);
    host.isOpened = true;
    host.core = host.newCore(found);
    return host.core;
  }

  protected newCore(found?: Found): SessionCore {
    return new SessionCore(this.services, this, found);
  }

  protected attachGate(): void {
    if (this.res !== undefined && this.gate === undefined) attachGate(this.res, this);
  }

  /** What a log shows of this object: no secrets and no ids. */
  [INSPECT](): string {
    return 'RequestSession {}';
  }

  // --- What a session asks of its request

  get verbs(): SessionVerbs<SessionCore> {
    return this.services.verbs;
  }

  get pending(): Set<Promise<unknown>> {
    return (this.pendingVerbs ??= new Set());
  }

  get detached(): Map<SessionCore, string> {
    return (this.detachedCores ??= new Map());
  }

  newId(): string {
    return newIdFor(this.services, this.req);
  }

  device(): Device | undefined {
    if (!this.services.options.device || this.req === undefined) return undefined;
    return deviceOfRequest(this.req);
  }

  binding(): string | undefined {
    return this.services.options.bindTo.length === 0 || this.req === undefined ? undefined : bindingOf(this.req);
  }

  isSecure(): boolean {
    return (this.secure ??= this.req === undefined || isSecureRequest(this.services, this.req));
  }

  signalOf(core: SessionCore): AbortSignal {
    return signalOf(this.services, core, this.res);
  }

  cookieOf(core: SessionCore): SessionCookie {
    return this.services.setCookie.cookieOf(this, core);
  }

  cookieJson(core: SessionCore, metadata: SessionMetadata): string {
    return this.services.setCookie.jsonOf(this, core, metadata);
  }

  // --- The gate

  beforeHeaders(): Promise<void> | undefined {
    if (!this.isCovered) return undefined;
    if (!this.isOpened) return this.openToEnd();
    if (this.hasPending) return this.afterPending(true);
    return this.isLoading ? this.open()!.then(() => this.commit(true)) : this.commit(true);
  }

  /** With `load: 'lazy'` the session may not be open yet. To end it, it has to be. */
  private openToEnd(): Promise<void> | undefined {
    if (this.services.options.unset !== 'destroy' || !(this.isUnset || this.wasDeleted())) return undefined;
    return this.open()?.then(() => this.commit(true)) ?? this.commit(true);
  }

  beforeEnd(): Promise<void> | undefined {
    if (!this.isOpened || !this.isCovered || this.failureToLoad !== undefined) return undefined;
    if (this.hasPending) return this.afterPending(false);
    try {
      return this.commit(false)?.catch((error: unknown) => this.reportLate(error));
    } catch (error) {
      this.reportLate(error);
      return undefined;
    }
  }

  failure(_res: ServerResponse, error: unknown) {
    this.services.notices.storeFailed('save', error);
    this.lossIsTold = true;
    for (const undo of this.onFailure ?? []) undo();
    const failure = failureOf(error, this.req, this.services.options);
    // If an id was saved before the failure, only that id leads to the session.
    const saved = this.core?.replaces ?? this.core;
    if (saved?.status !== 'stored' || saved.isReplaced || saved.id === this.browserId || this.cookieWasSet)
      return failure;
    const cookie = this.services.setCookie.text(this, saved);
    return cookie === undefined ? failure : { ...failure, headers: { ...failure.headers, 'Set-Cookie': cookie } };
  }

  /** A login that is not valid must not be answered with success, even if the app didn't await it. */
  noteUnawaited(error: unknown): void {
    if (isEndedAtLogin(error)) this.unawaited = error as Error;
  }

  private reportLate(error: unknown): void {
    this.lossIsTold = true;
    this.services.notices.error('A change made while a response streamed could not be saved at its end.', error);
  }

  private get hasPending(): boolean {
    return this.pendingVerbs !== undefined && this.pendingVerbs.size > 0;
  }

  private async afterPending(isAtStart: boolean): Promise<void> {
    // Each method reports to its own caller, whom the handler need not have awaited.
    const began = performance.now();
    while (this.hasPending)
      for (const each of await Promise.allSettled(this.pending))
        if (each.status === 'rejected') this.noteUnawaited(each.reason);
    // Wait for both kinds of work.
    this.waitedMs = performance.now() - began;
    if (isAtStart) await this.commit(true);
    else await this.beforeEnd();
  }

  // --- The commit

  private commit(isAtStart: boolean): Promise<void> | undefined {
    const { core, services } = this;
    if (this.detachedCores !== undefined) services.writes.reportDetached(this);
    // Like the response to a save that fails now.
    if (isAtStart && (this.failureToLoad !== undefined || this.hasStoreFailed) && this.res?.statusCode === 503)
      addHeader(this.res, 'Retry-After', '1');
    if (this.failureToLoad !== undefined || core === undefined) return undefined;
    if (isAtStart && this.unawaited !== undefined) return Promise.reject(this.unawaited);
    const isUnset = this.isUnset || this.wasDeleted();
    core.data.forgetCompared();
    const plan = planCommit(
      stateOf(core),
      { isAtStart, isUnset, isPreflight: isPreflight(this.req) },
      services.commitOptions,
    );
    return this.carryOut(plan, core, isAtStart);
  }

  private carryOut(plan: CommitPlan, core: SessionCore, isAtStart: boolean): Promise<void> | undefined {
    const { setCookie, writes } = this.services;
    switch (plan.do) {
      case 'nothing':
        if (plan.cookie === 'clear') setCookie.clear(this, core);
        else if (plan.cookie === 'send' || (plan.cookie === 'send-new' && core.id !== this.browserId))
          setCookie.send(this, core);
        this.watchForLateWrites(core);
        return undefined;
      case 'end':
        return this.end(core, isAtStart, plan.isKept);
      case 'refuse':
        core.data.forgetCompared();
        if (plan.isLoss) this.warnOfLateId();
        return undefined;
      default:
        if (plan.isFixation) writes.warnOfFixation();
        if (plan.do === 'change-id' && plan.as !== core.idChange) {
          if (plan.as === 'login') writes.giveNewId(core);
          else core.idChange = plan.as;
        }
        return this.write(core, isAtStart, plan.why);
    }
  }

  private write(core: SessionCore, isAtStart: boolean, why: WriteReason): Promise<void> | undefined {
    const { cookieChanged } = core;
    if (!this.services.writer.writeNow(core)) return this.writeLater(core, isAtStart, why, cookieChanged);
    return this.finishWrite(core, isAtStart, cookieChanged);
  }

  private async writeLater(
    core: SessionCore,
    isAtStart: boolean,
    why: WriteReason,
    cookieChanged: boolean,
  ): Promise<void> {
    const { writer, notices } = this.services;
    try {
      // An earlier write of this request saved a login that has been ended since. Don't answer it with success.
      if (
        (await writer.write(core, why, this.waitedMs)) === 'gone' &&
        core.hasFreshId &&
        core.metadata.principal !== undefined
      )
        throw endedAtLogin();
    } catch (error) {
      // Only the idle timeout was to be extended, which is no reason to fail the request.
      if (why === 'change' || isEndedAtLogin(error)) throw error;
      notices.storeFailed('touch', error);
    }
    this.finishWrite(core, isAtStart, cookieChanged);
  }

  private finishWrite(core: SessionCore, isAtStart: boolean, cookieChanged: boolean): undefined {
    if (isAtStart) this.services.setCookie.send(this, core, cookieChanged);
    this.watchForLateWrites(core);
  }

  private async end(core: SessionCore, isAtStart: boolean, isKept: boolean): Promise<void> {
    await this.services.writes.end(core);
    if (isKept) return;
    core.status = 'ended-here';
    if (isAtStart) this.services.setCookie.clear(this, core);
  }

  private warnOfLateId(): void {
    this.lossIsTold = true;
    this.services.notices.warn(
      'A session was created, or its id changed, after the response had begun. Its cookie can no longer be sent, so it was not saved.',
    );
  }

  private watchForLateWrites(core: SessionCore): void {
    const { surface, lateWrites } = this.services;
    if (core.data.isGiven && !this.isPutAside && surface.strict && this.res !== undefined) lateWrites.watch(this, core);
  }

  isWrittenLate(core: SessionCore): boolean {
    if (this.lossIsTold || core !== this.core || (core.status !== 'stored' && !core.isNew)) return false;
    if (!this.res!.writableFinished && !this.res!.destroyed) return false;
    try {
      return core.data.isChanged();
    } catch {
      // The saved data could be turned into JSON, and these can't: so they differ.
      return true;
    }
  }
}
