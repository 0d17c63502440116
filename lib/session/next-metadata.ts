import type { SessionValues } from '../record/record-text.js';
import type { Device, SessionMetadata } from '../record/session-metadata.js';
import { fingerprint } from './login-fingerprint.js';
import { loginStands } from './logged-in.js';
import type { SessionServices } from './session-services.js';
import type { Admission, IdChange, LoginClaim } from './session-state.js';

/** What the next metadata of a session are computed from. */
export interface MetadataSource {
  readonly metadata: SessionMetadata;
  readonly isNew: boolean;
  readonly idChange: IdChange | undefined;
  readonly claim: LoginClaim | undefined;
  readonly admission: Admission | undefined;
  /** The idle timeout is to be extended. */
  readonly isDue: boolean;
  /** The principal in the record may not be the current one. */
  readonly isUnsettled: boolean;
  /** No record that was read names the principal. */
  readonly isUntold: boolean;
  /** The app has accessed the data. */
  readonly isGiven: boolean;
  /** When this request first used the session, in ms since the epoch. */
  readonly openedAt: number;
  readonly cookieChanged: boolean;
  overrides(): Record<string, unknown> | undefined;
  /** The lifetime that this request gave the cookie, in ms. */
  decidedLife(): number | undefined;
  device(): Device | undefined;
  binding(): string | undefined;
  storedValues(): SessionValues;
  values(): SessionValues;
  principalIn(values: SessionValues): string | undefined;
}

/**
 * The metadata of the next write.
 *
 * @param values the data to write; `undefined`: as they were read.
 */
export function nextMetadata(
  { options, lifetimes, nonces }: SessionServices,
  now: number,
  source: MetadataSource,
  values: SessionValues | undefined,
): SessionMetadata {
  const { isNew, idChange, claim, admission } = source;
  const next: SessionMetadata = { ...source.metadata, cookieOverrides: source.overrides() };
  if (idChange !== undefined) {
    next.idSince = now;
    // `absoluteTimeout` counts from the login.
    if (idChange === 'login') next.createdAt = now;
  }
  // Never write a time in the past. If the store still returns the session, this process's clock may be wrong.
  const isOverdue = next.expiresAt <= now;
  if (isNew || isOverdue || source.isDue || idChange !== undefined || claim !== undefined || source.cookieChanged) {
    // A clock that is behind must not end a session that goes on.
    const end = lifetimes.expiryOf(next, isNew ? now : Math.max(now, next.seenAt), source.decidedLife());
    const goesOn = !isNew && !source.cookieChanged;
    next.seenAt = now;
    next.expiresAt = goesOn ? Math.max(next.expiresAt, end) : end;
  }
  if (isNew || idChange !== undefined) {
    next.device = source.device() ?? next.device;
    next.binding = source.binding() ?? next.binding;
  }
  if (!options.device) next.device = undefined;
  // Data that the app didn't access keep their version. A newer app may have written them, and must not migrate them
  // twice.
  if (options.schemaVersion !== undefined && (isNew || source.isGiven))
    next.schemaVersion = Math.max(next.schemaVersion ?? 0, options.schemaVersion);
  if (claim !== undefined) {
    next.principal = claim.principal;
    next.authenticatedAt = claim.at;
    next.revocationNonce = claim.mark;
    next.formerPrincipal = undefined;
    next.principalSince = undefined;
    next.loginFingerprint = fingerprint(values ?? source.values(), claim.keys);
    next.loginKeys = claim.keys;
  } else if (values !== undefined || source.isUnsettled || source.isUntold)
    settlePrincipal(next, source, values ?? source.values());
  if (admission !== undefined && admission.principal === next.principal) {
    next.revocationNonce = admission.mark;
    next.loginNumber = admission.number;
  }
  nonces.stamp(next);
  return next;
}

/** Sets the principal that the written data name. */
function settlePrincipal(next: SessionMetadata, source: MetadataSource, values: SessionValues): void {
  if (next.loginFingerprint !== undefined) {
    if (loginStands(next, source.storedValues(), values, (data) => source.principalIn(data))) {
      next.loginFingerprint = fingerprint(values, next.loginKeys);
      return;
    }
    next.authenticatedAt = undefined;
    next.loginFingerprint = undefined;
    next.loginKeys = undefined;
  }
  const principal = source.principalIn(values);
  if (principal === next.principal) return;
  next.principalSince = undefined;
  next.loginNumber = undefined;
  next.revocationNonce = undefined;
  if (principal === undefined) {
    next.formerPrincipal = next.principal ?? next.formerPrincipal;
    next.principal = undefined;
  } else {
    next.formerPrincipal = undefined;
    next.principal = principal;
    if (source.openedAt > next.createdAt) next.principalSince = source.openedAt;
  }
}
