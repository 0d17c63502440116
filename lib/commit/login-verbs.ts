import { inSeconds, show } from '../common/duration.js';
import { SessionStateError } from '../common/errors.js';
import type { SessionValues } from '../record/record-text.js';
import { isNamedPrincipal } from '../options/principal-of.js';
import { isAnothers } from '../session/logged-in.js';
import type { SessionCore } from '../session/session-core.js';
import { handOver } from '../session/succession.js';
import { rememberedMs } from '../session/login-options.js';
import type { Admissions } from './admissions.js';
import type { CommitServices } from './commit-services.js';
import { isLoggedInByData } from './commit-state.js';
import type { RequestWrites } from './request-writes.js';
import type { Revocations } from './revocations.js';
import type { SessionWriter } from './session-writer.js';
import { assertCurrent, assertResponse, beginAnew, endedElsewhere, holdsReplacedId, turnOf } from './verb-checks.js';

/** `login()` and `confirmLogin()` note who logs in. The commit writes it. */
export class LoginVerbs {
  constructor(
    private readonly services: CommitServices,
    private readonly admissions: Admissions,
    private readonly revocations: Revocations,
    private readonly writer: SessionWriter,
    private readonly writes: RequestWrites,
  ) {}

  async login(core: SessionCore, principal: unknown, data: SessionValues | undefined, options: unknown): Promise<void> {
    if (!holdsReplacedId(core)) assertCurrent(core);
    assertResponse(core, 'login()');
    const name = principalName(principal);
    if (data !== undefined && (typeof data !== 'object' || data === null || Array.isArray(data))) {
      throw new TypeError(
        `session.login(principal, data): data got ${show(data)}; give it an object with the session keys to set.`,
      );
    }
    const remembered = this.cappedLife(rememberedMs(options));
    const isHandOver = isAnothers(core, name);
    const began = performance.now();
    const moment = await this.writer.inTime(() =>
      this.admissions.beforeLogin(name, isHandOver ? '' : core.metadata.handle),
    );
    while (this.writer.isBusy(core)) await turnOf(this.writer, core, 'login()', began);
    // Only after the checks: a refused login leaves the session as it was.
    beginAnew(core);
    assertCurrent(core);
    if (isHandOver) handOver(core);
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

  async confirm(core: SessionCore): Promise<void> {
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
