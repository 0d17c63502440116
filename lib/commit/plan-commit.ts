import type { IdChange, SessionStatus } from '../session/session-state.js';

/** What a commit is decided by, of the session. */
export interface CommitState {
  readonly status: SessionStatus;
  /** The id is to be changed. */
  readonly idChange: IdChange | undefined;
  /** Somebody logs in. */
  readonly hasClaim: boolean;
  /** The session takes another's place. */
  readonly hasFormer: boolean;
  readonly isChanged: boolean;
  readonly isCookieChanged: boolean;
  /** The idle end is to be moved. */
  readonly isDue: boolean;
  /** The record is wrong about whose session it is. */
  readonly isUnsettled: boolean;
  /** `renewAfter` has passed. */
  readonly isRenewalDue: boolean;
  /** The request's own change of the data has logged somebody in, under an id that an attacker may know. */
  readonly isLoggedInByData: boolean;
}

/** The same of the request. */
export interface CommitRequest {
  /** Nothing of the response has left. */
  readonly isAtStart: boolean;
  /** The app has put an end to the session: `req.session = null`, or `delete req.session`. */
  readonly isUnset: boolean;
  /** Nobody keeps what is answered to it. */
  readonly isPreflight: boolean;
}

/** And of the options. */
export interface CommitOptions {
  readonly unset: 'keep' | 'destroy';
  readonly saveUninitialized: boolean;
  /** A login by data gets a new id; with express-session's surface it is warned of. */
  readonly isStrict: boolean;
}

/** Why a session is written: something of it was changed, or only its idle end is to be moved. */
export type WriteReason = 'change' | 'touch';

/** What is to be done when the response begins, or ends. */
export type CommitPlan =
  /** `send`: the cookie, if the browser needs it; `send-new`: only if it holds another id. */
  | { readonly do: 'nothing'; readonly cookie: 'leave' | 'send' | 'send-new' | 'clear' }
  /** The record goes. `isKept`: only that of the session whose place this one was to take. */
  | { readonly do: 'end'; readonly isKept: boolean }
  /** The response has begun, so no cookie can tell the browser of a new id. */
  | { readonly do: 'refuse'; readonly isLoss: boolean }
  | ({ readonly do: 'create' | 'replace' } & Write)
  | ({ readonly do: 'change-id'; readonly as: IdChange } & Write);

interface Write {
  readonly why: WriteReason;
  /** Somebody was logged in under an id that an attacker may know, and this surface leaves another id to the app. */
  readonly isFixation: boolean;
}

const NOTHING: CommitPlan = { do: 'nothing', cookie: 'leave' };

/** What to do about a session when the response begins, and at its end if it streams. */
export function planCommit(state: CommitState, request: CommitRequest, options: CommitOptions): CommitPlan {
  const { isAtStart } = request;
  if (state.status === 'ended-here') return isAtStart ? { do: 'nothing', cookie: 'clear' } : NOTHING;
  if (state.status === 'ended-elsewhere' || state.status === 'read-only') return NOTHING;
  if (request.isUnset) return planUnset(state, isAtStart, options);
  const renewed = isAtStart && state.isRenewalDue && state.idChange === undefined ? 'renew' : state.idChange;
  const why = whyWrite(state, renewed, request.isPreflight, options);
  if (why === undefined) return isAtStart ? { do: 'nothing', cookie: 'send' } : NOTHING;
  const isLogin = why === 'change' && state.isLoggedInByData;
  const as = isLogin && options.isStrict ? 'login' : renewed;
  if (!isAtStart && (state.status === 'new' || as !== undefined))
    return { do: 'refuse', isLoss: state.status === 'stored' || state.isChanged };
  const write = { why, isFixation: isLogin && !options.isStrict };
  if (as !== undefined && (state.status === 'stored' || state.hasFormer)) return { do: 'change-id', as, ...write };
  return { do: state.status === 'new' ? 'create' : 'replace', ...write };
}

function planUnset(state: CommitState, isAtStart: boolean, { unset }: CommitOptions): CommitPlan {
  if (unset === 'destroy') return { do: 'end', isKept: false };
  // It is kept. What was to take another's place has done so all the same, and a new id that was saved is sent.
  if (state.hasFormer) return { do: 'end', isKept: true };
  return isAtStart ? { do: 'nothing', cookie: 'send-new' } : NOTHING;
}

/** Why there is something to write, if there is. */
export function whyWrite(
  state: CommitState,
  idChange: IdChange | undefined,
  isPreflight: boolean,
  { saveUninitialized }: Pick<CommitOptions, 'saveUninitialized'>,
): WriteReason | undefined {
  if (state.hasClaim || idChange === 'regenerate' || state.hasFormer) return 'change';
  // CORS asks ahead of the request itself. A browser sends no cookies with that, and keeps none of its answer.
  if (state.status === 'new') return state.isChanged || (saveUninitialized && !isPreflight) ? 'change' : undefined;
  if (idChange !== undefined || state.isCookieChanged || state.isChanged) return 'change';
  return state.isDue || state.isUnsettled ? 'touch' : undefined;
}
