import type { SessionCore } from '../session/session-core.js';
import type { IdChange } from '../session/session-state.js';

/** What of the session decides a commit. The methods are costly, so each is only called if its answer decides. */
export interface CommitState {
  readonly core: Pick<
    SessionCore,
    'status' | 'idChange' | 'claim' | 'replaces' | 'cookieChanged' | 'isDue' | 'isUnsettled'
  >;
  isChanged(): boolean;
  /** `renewAfter` has passed since the last new id. */
  isRenewalDue(): boolean;
  /** This request logged somebody in by changing the data, under an id that an attacker may know. */
  isLoggedInByData(): boolean;
}

/** What of the request decides a commit. */
export interface CommitRequest {
  /** No byte of the response has been sent. */
  readonly isAtStart: boolean;
  /** The app ended the session: `req.session = null`, or `delete req.session`. */
  readonly isUnset: boolean;
  /** A CORS preflight request: the browser keeps no cookie of its response. */
  readonly isPreflight: boolean;
}

/** The options that decide a commit. */
export interface CommitOptions {
  readonly unset: 'keep' | 'destroy';
  readonly saveUninitialized: boolean;
  /** A login by data gets a new id. With express-session's API (`false`), a warning is logged instead. */
  readonly isStrict: boolean;
}

/** Why a session is written: its content changed, or only its idle timeout is to be extended. */
export type WriteReason = 'change' | 'touch';

/** What to do when the response begins, and when it ends. */
export type CommitPlan =
  /** `send`: the cookie, if the browser needs it; `send-new`: only if the browser has another id. */
  | { readonly do: 'nothing'; readonly cookie: 'leave' | 'send' | 'send-new' | 'clear' }
  /** Ends the record. `isKept`: only the record of the session that this one was to take the place of. */
  | { readonly do: 'end'; readonly isKept: boolean }
  /** The response has begun, so no cookie can give the browser the new id. */
  | { readonly do: 'refuse'; readonly isLoss: boolean }
  | ({ readonly do: 'create' | 'replace' } & Write)
  | ({ readonly do: 'change-id'; readonly as: IdChange } & Write);

interface Write {
  readonly why: WriteReason;
  /**
   * Somebody logged in under an id that an attacker may know. With express-session's API, changing the id is up to the
   * app.
   */
  readonly isFixation: boolean;
}

const NOTHING: CommitPlan = { do: 'nothing', cookie: 'leave' };

/** Decides what to do about a session when the response begins, and at the end of a response that streams. */
export function planCommit(state: CommitState, request: CommitRequest, options: CommitOptions): CommitPlan {
  const { core } = state;
  const { isAtStart } = request;
  if (core.status === 'ended-here') return isAtStart ? { do: 'nothing', cookie: 'clear' } : NOTHING;
  if (core.status === 'ended-elsewhere' || core.status === 'read-only') return NOTHING;
  if (request.isUnset) return planUnset(state, isAtStart, options);
  const renewed = isAtStart && core.idChange === undefined && state.isRenewalDue() ? 'renew' : core.idChange;
  const why = whyWrite(state, renewed, request.isPreflight, options);
  if (why === undefined) return isAtStart ? { do: 'nothing', cookie: 'send' } : NOTHING;
  const isLogin = why === 'change' && state.isLoggedInByData();
  const as = isLogin && options.isStrict ? 'login' : renewed;
  if (!isAtStart && (core.status === 'new' || as !== undefined))
    return { do: 'refuse', isLoss: core.status === 'stored' || state.isChanged() };
  const write = { why, isFixation: isLogin && !options.isStrict };
  const hasOld = core.status === 'stored' || core.replaces !== undefined;
  if (as !== undefined && hasOld) return { do: 'change-id', as, ...write };
  return { do: core.status === 'new' ? 'create' : 'replace', ...write };
}

function planUnset({ core }: CommitState, isAtStart: boolean, { unset }: CommitOptions): CommitPlan {
  if (unset === 'destroy') return { do: 'end', isKept: false };
  // `unset: 'keep'`: the record stays. But a session that this one was to take the place of ends, and a new id that was
  // saved is sent.
  if (core.replaces !== undefined) return { do: 'end', isKept: true };
  return isAtStart ? { do: 'nothing', cookie: 'send-new' } : NOTHING;
}

/** Why there is something to write; `undefined`: there is not. */
export function whyWrite(
  state: CommitState,
  idChange: IdChange | undefined,
  isPreflight: boolean,
  { saveUninitialized }: Pick<CommitOptions, 'saveUninitialized'>,
): WriteReason | undefined {
  const { core } = state;
  if (core.claim !== undefined || idChange === 'regenerate' || core.replaces !== undefined) return 'change';
  // A CORS preflight request carries no cookies, and the browser keeps none of its response.
  if (core.status === 'new') return state.isChanged() || (saveUninitialized && !isPreflight) ? 'change' : undefined;
  if (idChange !== undefined || core.cookieChanged || state.isChanged()) return 'change';
  return core.isDue || core.isUnsettled ? 'touch' : undefined;
}
