import { isAnothers } from '../session/logged-in.js';
import type { SessionCore } from '../session/session-core.js';
import type { CommitState } from './plan-commit.js';

/** The state of a session that a commit depends on. Costly answers are computed only when they are asked for. */
export class CoreState implements CommitState {
  constructor(private readonly core: SessionCore) {}

  get status() {
    return this.core.status;
  }

  get idChange() {
    return this.core.idChange;
  }

  get hasClaim() {
    return this.core.claim !== undefined;
  }

  get hasFormer() {
    return this.core.replaces !== undefined;
  }

  /** The session's JSON is computed here and kept for the draft. */
  get isChanged() {
    return this.core.data.isChangedNow();
  }

  get isCookieChanged() {
    return this.core.cookieChanged;
  }

  get isDue() {
    return this.core.isDue;
  }

  get isUnsettled() {
    return this.core.isUnsettled;
  }

  get isRenewalDue() {
    const { metadata, services, status } = this.core;
    const { renewAfterMs } = services.options;
    if (renewAfterMs === Number.POSITIVE_INFINITY || status !== 'stored') return false;
    return services.now() - (metadata.idSince ?? metadata.createdAt) >= renewAfterMs;
  }

  get isLoggedInByData() {
    return isLoggedInByData(this.core);
  }
}

/**
 * Whether this request logged somebody in by changing the data (`session.user = …`) under the id that the browser sent.
 * An attacker may know that id, so it must not become a logged-in one (session fixation).
 */
export function isLoggedInByData(core: SessionCore): boolean {
  // A renewal that is due does not help: the old id still leads to the new one.
  if (core.status !== 'stored' || (core.idChange !== undefined && core.idChange !== 'renew')) return false;
  if (core.claim !== undefined) return false;
  const who = core.loggedInNow();
  if (who === undefined || who === core.loggedInBefore()) return false;
  return core.host.res === undefined || !core.hasFreshId || isAnothers(core, who);
}
