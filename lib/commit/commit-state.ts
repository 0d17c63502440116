import { isAnothers, loggedInNow } from '../session/logged-in.js';
import type { SessionCore } from '../session/session-core.js';
import type { CommitState } from './plan-commit.js';

/** The state of a session that a commit depends on. */
export function stateOf(core: SessionCore): CommitState {
  return {
    core,
    // The session's JSON is computed here and kept for the draft.
    isChanged: () => core.data.isChangedNow(),
    isRenewalDue: () => isRenewalDue(core),
    isLoggedInByData: () => isLoggedInByData(core),
  };
}

function isRenewalDue({ metadata, services, status }: SessionCore): boolean {
  const { renewAfterMs } = services.options;
  if (renewAfterMs === Number.POSITIVE_INFINITY || status !== 'stored') return false;
  return services.now() - (metadata.idSince ?? metadata.createdAt) >= renewAfterMs;
}

/**
 * Whether this request logged somebody in by changing the data (`session.user = …`) under the id that the browser sent.
 * An attacker may know that id, so it must not become a logged-in one (session fixation).
 */
export function isLoggedInByData(core: SessionCore): boolean {
  // A renewal that is due does not help: the old id still leads to the new one.
  if (core.status !== 'stored' || (core.idChange !== undefined && core.idChange !== 'renew')) return false;
  if (core.claim !== undefined) return false;
  const who = loggedInNow(core);
  if (who === undefined || who === core.loggedInBefore()) return false;
  return core.host.res === undefined || !core.hasFreshId || isAnothers(core, who);
}
