import type { SessionValues } from '../record/record-text.js';
import type { SessionMetadata } from '../record/session-metadata.js';
import { defaultPrincipalOf, derivePrincipal, hasPassportUser } from '../options/principal-of.js';
import { fingerprint, lostLoginKey } from './login-fingerprint.js';
import type { SessionServices } from './session-services.js';
import type { LoginClaim, SessionStatus } from './session-state.js';

/** How far another process's clock may be ahead. */
const MOST_AHEAD_MS = 5_000;

/** Who is logged in by the data: the principal, `true` if the principal is unknown, or `undefined` for nobody. */
export type LoggedIn = string | true | undefined;

/** What of a session decides who is logged in. */
export interface Owned {
  readonly services: SessionServices;
  readonly status: SessionStatus;
  readonly isOver: boolean;
  readonly claim: LoginClaim | undefined;
  readonly metadata: SessionMetadata;
  /** The principal in the record is not the current one, so the index is wrong. */
  isUnsettled: boolean;
  values(): SessionValues;
  storedValues(): SessionValues;
  /** Who is logged in by the stored values. */
  loggedInBefore(): LoggedIn;
  allValues(): SessionValues;
}

/** The session's principal, as long as the data that the login rests on are unchanged. */
export function principalOf(owned: Owned): string | undefined {
  if (owned.isOver) return undefined;
  return owned.claim === undefined ? principalByRecord(owned) : owned.claim.principal;
}

/** The same, without a login of this request. */
export function principalByRecord(owned: Owned): string | undefined {
  const { metadata } = owned;
  const values = owned.values();
  if (stands(owned, values)) return metadata.principal;
  const principal = principalIn(owned, values);
  if (owned.status === 'stored' && (metadata.loginFingerprint !== undefined || principal !== metadata.principal))
    owned.isUnsettled = true;
  return principal;
}

/** When the principal last logged in; `undefined` if nobody is logged in. */
export function authenticatedAt(owned: Owned): number | undefined {
  if (owned.isOver) return undefined;
  if (owned.claim !== undefined) return owned.claim.at;
  const { authenticatedAt: at } = owned.metadata;
  // If another clock was ahead, the login must not count as recent for too long.
  if (at !== undefined && at > owned.services.now() + MOST_AHEAD_MS) return undefined;
  return stands(owned, owned.values()) ? at : undefined;
}

/** Who is logged in by the data that were read. */
export function loggedInBefore(owned: Owned, before: SessionValues): LoggedIn {
  const { loginFingerprint, loginKeys, principal } = owned.metadata;
  const isUnchanged = loginFingerprint !== undefined && fingerprint(before, loginKeys) === loginFingerprint;
  return loggedInBy(owned.services, before, isUnchanged ? principal : principalIn(owned, before));
}

/**
 * The same, asked before the app gets the data, so that a change doesn't parse them again. `undefined`: not worth it, as
 * the session is new, or `login()` was used and the answer would cost each request a hash.
 */
export function loginAsRead(owned: Owned, values: SessionValues): { readonly who: LoggedIn } | undefined {
  if (owned.status !== 'stored' || owned.metadata.loginFingerprint !== undefined) return undefined;
  try {
    return { who: loggedInBefore(owned, values) };
  } catch {
    // `principalOf` threw. It is called again where the answer matters.
    return undefined;
  }
}

/** Who is logged in by the data as the app has changed them. */
export function loggedInNow(owned: Owned): LoggedIn {
  return owned.isOver ? undefined : loggedInBy(owned.services, owned.allValues(), principalOf(owned));
}

/** Who would be logged in by these data. */
export function loggedInAs(owned: Owned, values: SessionValues): LoggedIn {
  const isUnchanged = stands(owned, values);
  return loggedInBy(owned.services, values, isUnchanged ? owned.metadata.principal : principalIn(owned, values));
}

/** Whether the session belongs, or belonged, to another principal. */
export function isAnothers(owned: Owned, principal: string | true): boolean {
  const { claim } = owned;
  return claim === undefined ? isAnothersByRecord(owned, principal) : claim.principal !== principal;
}

/** The same, without a login of this request. */
export function isAnothersByRecord(owned: Owned, principal: string | true): boolean {
  const { metadata } = owned;
  const former = metadata.principal ?? metadata.formerPrincipal ?? owned.loggedInBefore();
  return typeof former === 'string' && former !== principal;
}

function loggedInBy({ options }: SessionServices, data: SessionValues, principal: string | undefined): LoggedIn {
  try {
    return options.isAuthenticated(data, principal) === true ? (principal ?? true) : undefined;
  } catch {
    // SessionGuard reports the error and refuses the request.
    return undefined;
  }
}

/** The principal that the data name, if there was no login(). */
export function principalIn({ services, claim, metadata }: Owned, values: SessionValues): string | undefined {
  const { options, notices } = services;
  const principal = derivePrincipal(options.principalOf, values);
  const hasLogin = claim !== undefined || metadata.loginFingerprint !== undefined;
  if (principal === undefined && !hasLogin && options.principalOf === defaultPrincipalOf && hasPassportUser(values))
    notices.warnOnce(
      'passport without id',
      'Passport logged somebody in, but session.passport.user holds no user id (a string or a number, ' +
        'or an object with id, _id or sub). So SessionGuard refuses this user, and revokeAll() does not find the session. ' +
        'Serialize the id, done(null, user.id), or set the option "principalOf". This warning is logged once.',
    );
  return principal;
}

function stands(owned: Owned, values: SessionValues): boolean {
  const { metadata } = owned;
  if (metadata.loginFingerprint === undefined || metadata.principal === undefined) return false;
  return loginStands(
    metadata,
    () => owned.storedValues(),
    values,
    (data) => principalIn(owned, data),
  );
}

/**
 * Whether a login is still valid: the data match its fingerprint, and the app's changes since name no other person.
 *
 * @param stored the data that were read, which are parsed again for it. Most logins don't need that.
 */
export function loginStands(
  metadata: SessionMetadata,
  stored: () => SessionValues,
  after: SessionValues,
  principalOfData: (values: SessionValues) => string | undefined,
): boolean {
  const { loginFingerprint, loginKeys } = metadata;
  if (fingerprint(after, loginKeys) === loginFingerprint) return true;
  const before = stored();
  if (fingerprint(before, loginKeys) !== loginFingerprint || lostLoginKey(before, after, loginKeys)) return false;
  return principalOfData(before) === principalOfData(after);
}
