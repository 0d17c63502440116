import type { SessionValues } from '../record/record-text.js';
import type { SessionMetadata } from '../record/session-metadata.js';
import { defaultPrincipalOf, derivePrincipal, hasPassportUser } from '../options/principal-of.js';
import { fingerprint, lostLoginKey } from './login-fingerprint.js';
import type { SessionServices } from './session-services.js';
import type { LoginClaim, SessionStatus } from './session-state.js';

/** How far another process' clock may be ahead. */
const MOST_AHEAD_MS = 5_000;

/** Who is logged in by data: the principal, or `true` for somebody without one; `undefined`: nobody. */
export type LoggedIn = string | true | undefined;

/** A session, to be asked whose it is. */
export interface Owned {
  readonly services: SessionServices;
  readonly status: SessionStatus;
  readonly isOver: boolean;
  readonly claim: LoginClaim | undefined;
  readonly metadata: SessionMetadata;
  /** Whose session it is differs from what the record says, so that the index has it wrong. */
  isUnsettled: boolean;
  values(): SessionValues;
  storedValues(): SessionValues;
  allValues(): SessionValues;
}

/** Whose session it is, as long as what that stands on is unchanged. */
export function principalOf(owned: Owned): string | undefined {
  if (owned.isOver) return undefined;
  if (owned.claim !== undefined) return owned.claim.principal;
  const { metadata } = owned;
  const values = owned.values();
  if (stands(owned, values)) return metadata.principal;
  const principal = principalIn(owned, values);
  if (owned.status === 'stored' && (metadata.loginFingerprint !== undefined || principal !== metadata.principal))
    owned.isUnsettled = true;
  return principal;
}

/** When that was proved; `undefined` if nobody is logged in. */
export function authenticatedAt(owned: Owned): number | undefined {
  if (owned.isOver) return undefined;
  if (owned.claim !== undefined) return owned.claim.at;
  const { authenticatedAt: at } = owned.metadata;
  // A clock that was ahead must not keep a login recent.
  if (at !== undefined && at > owned.services.now() + MOST_AHEAD_MS) return undefined;
  return stands(owned, owned.values()) ? at : undefined;
}

/** Who is logged in by the data as they were read. */
export function loggedInBefore(owned: Owned): LoggedIn {
  const { loginFingerprint, loginKeys, principal } = owned.metadata;
  const before = owned.storedValues();
  const isUnchanged = loginFingerprint !== undefined && fingerprint(before, loginKeys) === loginFingerprint;
  return loggedInBy(owned.services, before, isUnchanged ? principal : principalIn(owned, before));
}

/** The same by the data as the app has left them. */
export function loggedInNow(owned: Owned): LoggedIn {
  return owned.isOver ? undefined : loggedInBy(owned.services, owned.allValues(), principalOf(owned));
}

/** Whether the session is, or was, another principal's than this. */
export function isAnothers(owned: Owned, principal: string | true): boolean {
  const { claim, metadata } = owned;
  const former = claim?.principal ?? metadata.principal ?? metadata.formerPrincipal ?? loggedInBefore(owned);
  return typeof former === 'string' && former !== principal;
}

function loggedInBy({ options }: SessionServices, data: SessionValues, principal: string | undefined): LoggedIn {
  try {
    return options.isAuthenticated(data, principal) === true ? (principal ?? true) : undefined;
  } catch {
    // The guard says that it threw, and lets nobody in.
    return undefined;
  }
}

/** Whom data name without a login. */
export function principalIn({ services, claim, metadata }: Owned, values: SessionValues): string | undefined {
  const { options, notices } = services;
  const principal = derivePrincipal(options.principalOf, values);
  const hasLogin = claim !== undefined || metadata.loginFingerprint !== undefined;
  if (principal === undefined && !hasLogin && options.principalOf === defaultPrincipalOf && hasPassportUser(values))
    notices.warnOnce(
      'passport without id',
      'Passport logged somebody in, but session.passport.user holds no id that the session knows (it may be text or a number, ' +
        'or an object with id, _id or sub): SessionGuard lets nobody in by it, and revokeAll() does not find the session. ' +
        'Serialize the id, done(null, user.id), or set the option "principalOf". This is said once.',
    );
  return principal;
}

function stands(owned: Owned, values: SessionValues): boolean {
  const { metadata } = owned;
  if (metadata.loginFingerprint === undefined || metadata.principal === undefined) return false;
  return loginStands(metadata, owned.storedValues(), values, (data) => principalIn(owned, data));
}

/** Whether a login still counts: the record is what it was written as, and what the app changed since keeps to the same person. */
export function loginStands(
  metadata: SessionMetadata,
  before: SessionValues,
  after: SessionValues,
  principalOfData: (values: SessionValues) => string | undefined,
): boolean {
  const { loginFingerprint, loginKeys } = metadata;
  if (fingerprint(after, loginKeys) === loginFingerprint) return true;
  if (fingerprint(before, loginKeys) !== loginFingerprint || lostLoginKey(before, after, loginKeys)) return false;
  return principalOfData(before) === principalOfData(after);
}
