import { inSeconds, show } from '../common/duration.js';
import { SessionStateError } from '../common/errors.js';
import { isNamedPrincipal } from '../options/principal-of.js';
import type { SessionValues } from '../record/record-text.js';
import { isAnothers, loggedInNow } from '../session/logged-in.js';
import { rememberedMs } from '../session/login-options.js';
import { SessionCore } from '../session/session-core.js';
import type { SessionVerbs } from '../session/session-host.js';
import { discard, handOver } from '../session/succession.js';
import type { Admissions } from './admissions.js';
import { LoginByUpdate, type UpdateFunction } from './apply-update.js';
import type { CommitServices } from './commit-services.js';
import { isLoggedInByData, stateOf } from './commit-state.js';
import { whyWrite, type WriteReason } from './plan-commit.js';
import type { Written } from './operation.js';
import type { RequestWrites } from './request-writes.js';
import { endedAtLogin, type Revocations } from './revocations.js';
import type { SessionWriter } from './session-writer.js';
import {
  assertCurrent,
  assertResponse,
  beginAnew,
  endedElsewhere,
  headersSent,
  holdsReplacedId,
  turnOf,
} from './verb-checks.js';

/** The methods of a session. Those that change the id or log in only note it; the commit does it. */
export class Verbs implements SessionVerbs<SessionCore> {
  constructor(
    private readonly services: CommitServices,
    private readonly writer: SessionWriter,
    private readonly writes: RequestWrites,
    private readonly admissions: Admissions,
    private readonly revocations: Revocations,
  ) {}

  async save(core: SessionCore): Promise<void> {
    // Nothing was changed, so nothing is lost.
    if (holdsReplacedId(core) && !core.data.isChanged()) return;
    assertCurrent(core);
    if (core.isNew && core.host.res?.headersSent) throw headersSent('save()');
    const why = this.whySave(core);
    if (why === 'change') this.giveNewIdToLogin(core, 'save()');
    if (why !== undefined) await this.writes.track(core.host, this.writeOrThrow(core, why));
  }

  /** A login by data gets a new id before it is written: the browser's own id must never lead to it. */
  private giveNewIdToLogin(core: SessionCore, method: string): void {
    if (!isLoggedInByData(core)) return;
    if (this.services.surface.strict) assertResponse(core, `${method} of a session that somebody has logged in to`);
    this.writes.giveNewId(core);
  }

  private whySave(core: SessionCore): WriteReason | undefined {
    if (core.isNew) return 'change';
    core.data.forgetCompared();
    return whyWrite(stateOf(core), core.idChange, false, this.services.options);
  }

  private async writeOrThrow(core: SessionCore, why: WriteReason): Promise<void> {
    if ((await this.writer.write(core, why)) === 'gone') throw endedElsewhere();
  }

  async reload(core: SessionCore): Promise<void> {
    assertCurrent(core);
    if (!(await this.writes.track(core.host, this.writer.reload(core)))) throw endedElsewhere();
  }

  async update(core: SessionCore, fn: unknown): Promise<void> {
    assertCurrent(core);
    if (typeof fn !== 'function')
      throw new TypeError(`session.update(fn): fn got ${show(fn)}; give it a function that changes the draft.`);
    const { host } = core;
    if (core.isNew && host.res?.headersSent) throw headersSent('update()');
    this.giveNewIdToLogin(core, 'update()');
    const before = host.res === undefined || host.res.headersSent ? undefined : { who: core.loggedInBefore() };
    const written = await this.writes.track(host, this.updateNow(core, fn as UpdateFunction));
    if (written === 'gone') throw endedElsewhere();
    if (before === undefined || core.id !== host.browserId || core.idChange !== undefined) return;
    const who = loggedInNow(core);
    if (who !== undefined && who !== before.who) this.writes.giveNewId(core);
  }

  /** If fn logs somebody in, it runs a second time, for a new id. */
  private async updateNow(core: SessionCore, fn: UpdateFunction): Promise<Written> {
    try {
      return await this.writer.update(core, fn);
    } catch (error) {
      if (!(error instanceof LoginByUpdate)) throw error;
      assertResponse(core, 'update() that logs somebody in');
      core.idChange = 'login';
      return this.writer.update(core, fn);
    }
  }

  async destroy(core: SessionCore, as: 'destroyed' | 'logged-out'): Promise<void> {
    if (core.status === 'ended-here') return;
    // A replaced id has nothing to end, and this response must not clear the cookie of the new session.
    if (holdsReplacedId(core)) {
      const { browserId } = core.host;
      if (browserId !== undefined) await this.writes.track(core.host, this.writer.endDeadEnd(browserId));
      return;
    }
    // A write may have found no record only because this process's clock is ahead.
    if (core !== core.host.core || core.status !== 'ended-elsewhere') assertCurrent(core);
    await this.writes.track(core.host, this.destroyNow(core, as));
  }

  private async destroyNow(core: SessionCore, as: 'destroyed' | 'logged-out'): Promise<void> {
    await this.writes.end(core, as);
    core.status = 'ended-here';
    if (core.data.isGiven) this.writes.detach(core);
  }

  discard(core: SessionCore): Promise<void> {
    return this.writes.track(core.host, this.discardNow(core));
  }

  private async discardNow(core: SessionCore): Promise<void> {
    if (core.isOver || core.status === 'read-only') return;
    const began = performance.now();
    while (this.writer.isBusy(core)) await turnOf(this.writer, core, 'discard()', began);
    assertCurrent(core);
    core.host.isUnset = false;
    discard(core);
  }

  regenerate(core: SessionCore): Promise<object> {
    return this.writes.track(core.host, this.regenerateNow(core));
  }

  private async regenerateNow(core: SessionCore): Promise<object> {
    const began = performance.now();
    while (this.writer.isBusy(core)) await turnOf(this.writer, core, 'regenerate()', began);
    beginAnew(core);
    assertCurrent(core);
    assertResponse(core, 'regenerate()');
    const next = new SessionCore(this.services, core.host);
    next.idChange = 'regenerate';
    next.replaces = core.replaces ?? (core.status === 'stored' ? core : undefined);
    next.takeCookieOf(core);
    this.writes.detach(core);
    core.host.core = next;
    return next.session;
  }

  async replace(core: SessionCore): Promise<void> {
    beginAnew(core);
    if (core.status === 'read-only') assertCurrent(core);
    if (core.host.res?.headersSent) throw headersSent('regenerate()');
    try {
      await this.writes.end(core);
    } finally {
      core.host.startOver();
    }
  }

  endRecord(core: SessionCore): Promise<void> {
    return this.writes.end(core);
  }

  renew(core: SessionCore): Promise<void> {
    return this.writes.track(core.host, this.renewNow(core));
  }

  private async renewNow(core: SessionCore): Promise<void> {
    const began = performance.now();
    while (this.writer.isBusy(core)) await turnOf(this.writer, core, 'renew()', began);
    assertCurrent(core);
    assertResponse(core, 'renew()');
    if (core.status === 'stored') core.idChange ??= 'renew';
  }

  login(core: SessionCore, principal: unknown, data: SessionValues | undefined, options?: unknown): Promise<void> {
    return this.writes.track(core.host, this.loginNow(core, principal, data, options));
  }

  private async loginNow(
    core: SessionCore,
    principal: unknown,
    data: SessionValues | undefined,
    options: unknown,
  ): Promise<void> {
    if (!holdsReplacedId(core)) assertCurrent(core);
    assertResponse(core, 'login()');
    const name = principalName(principal);
    if (data !== undefined && (typeof data !== 'object' || data === null || Array.isArray(data))) {
      throw new TypeError(
        `session.login(principal, data): data got ${show(data)}; give it an object with the session keys to set.`,
      );
    }
    const remembered = this.cappedLife(rememberedMs(options));
    const began = performance.now();
    const moment = await this.writer.inTime(() =>
      this.admissions.beforeLogin(name, isAnothers(core, name) ? '' : core.metadata.handle),
    );
    while (this.writer.isBusy(core)) await turnOf(this.writer, core, 'login()', began);
    // Only after the checks: a refused login leaves the session as it was.
    beginAnew(core);
    assertCurrent(core);
    if (isAnothers(core, name)) handOver(core);
    if (data !== undefined) Object.assign(core.session, data);
    const given = data === undefined ? [] : Object.keys(data);
    const keys = given.filter((key) => key !== 'user' && key !== 'passport');
    const endsLife = remembered === undefined;
    core.claim = { principal: name, ...moment, keys: keys.length === 0 ? undefined : keys, given, endsLife };
    if (endsLife) core.endLife();
    else core.cookie.maxAge = remembered;
    core.idChange = core.idChange === 'regenerate' ? 'regenerate' : 'login';
  }

  /** The lifetime from `login({ remember })`, limited to `absoluteTimeout`. */
  private cappedLife(ms: number | undefined): number | undefined {
    const { absoluteIsExplicit, absoluteMs } = this.services.options;
    if (ms === undefined || !absoluteIsExplicit || ms <= absoluteMs) return ms;
    this.services.notices.warnOnce(
      'remember',
      `session.login() got a "remember" of ${inSeconds(ms)}, which is longer than "absoluteTimeout" (${inSeconds(absoluteMs)}), so the session lasts as long as "absoluteTimeout". Raise "absoluteTimeout", or shorten "remember".`,
    );
    return absoluteMs;
  }

  confirmLogin(core: SessionCore): Promise<void> {
    return this.writes.track(core.host, this.confirmNow(core));
  }

  private async confirmNow(core: SessionCore): Promise<void> {
    assertCurrent(core);
    assertResponse(core, 'confirmLogin()');
    const principal = core.principal();
    if (principal === undefined)
      throw new SessionStateError(
        'UNSUPPORTED',
        'session.confirmLogin() needs a session that somebody is logged in to. Call session.login() instead.',
      );
    const began = performance.now();
    // If this request logged in, it doesn't matter whether the session of before was revoked.
    const before = core.claim === undefined ? core.metadata : undefined;
    const moment = await this.writer.inTime(() => this.revocations.beforeConfirmation(principal, before));
    if (moment === undefined) {
      await this.writes.end(core, 'revoked', await this.revocations.revokedOf(principal));
      core.status = 'ended-elsewhere';
      throw endedElsewhere();
    }
    while (this.writer.isBusy(core)) await turnOf(this.writer, core, 'confirmLogin()', began);
    assertCurrent(core);
    // What this waited for may have found a logout by the data (`delete session.user`) in another request.
    if (core.principal() !== principal) throw endedAtLogin();
    // If this request also called login(), its mark counts: that is when the login began.
    const mark = core.claim?.mark ?? moment.mark;
    const isLogin = isLoggedInByData(core);
    // As with login(): a different user must not get the data of the former one.
    if (isLogin && isAnothers(core, principal)) handOver(core);
    const { keys = core.metadata.loginKeys, given = [], endsLife } = core.claim ?? {};
    core.claim = { principal, at: moment.at, mark, keys, given, endsLife };
    if (isLogin) core.idChange = 'login';
    else if (core.status === 'stored' && (core.idChange === undefined || core.idChange === 'renew'))
      core.idChange = 'confirm';
  }
}

function principalName(principal: unknown): string {
  if (isNamedPrincipal(principal)) return String(principal);
  throw new TypeError(
    `session.login(principal): principal got ${show(principal)}; give it the user's id, a string or a number.`,
  );
}
