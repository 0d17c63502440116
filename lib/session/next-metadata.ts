import type { SessionValues } from '../record/record-text.js';
import type { Device, SessionMetadata } from '../record/session-metadata.js';
import { fingerprint } from './login-fingerprint.js';
import { loginStands } from './logged-in.js';
import type { SessionServices } from './session-services.js';
import type { Admission, IdChange, LoginClaim } from './session-state.js';

/** What the next metadata of a session follow from. */
export interface MetadataSource {
  readonly metadata: SessionMetadata;
  readonly isNew: boolean;
  readonly idChange: IdChange | undefined;
  readonly claim: LoginClaim | undefined;
  readonly admission: Admission | undefined;
  /** The idle end is to be moved. */
  readonly isDue: boolean;
  /** Whose session it is may differ from what the record says. */
  readonly isUnsettled: boolean;
  /** No record that was read says whose session it is. */
  readonly isUntold: boolean;
  /** The app has looked into the data. */
  readonly isGiven: boolean;
  /** When this request began to know the session, in ms since the epoch. */
  readonly openedAt: number;
  readonly cookieChanged: boolean;
  overrides(): Record<string, unknown> | undefined;
  /** The life of a cookie that was decided for this request, in ms. */
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
 * @param values the data that is to be written; `undefined`: as it was read.
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
    // A login begins the time that `absoluteTimeout` counts.
    if (idChange === 'login') next.createdAt = now;
  }
  // Nothing is written with an end that is over: where the store still holds the session, this process's clock may be wrong.
  const isOverdue = next.expiresAt <= now;
  if (isNew || isOverdue || source.isDue || idChange !== undefined || claim !== undefined || source.cookieChanged) {
    next.seenAt = now;
    const end = lifetimes.expiryOf(next, now, source.decidedLife());
    // A clock that is behind must not end a session that goes on.
    const goesOn = !isNew && !source.cookieChanged;
    next.expiresAt = goesOn ? Math.max(next.expiresAt, end) : end;
  }
  if (isNew || idChange !== undefined) {
    next.device = source.device() ?? next.device;
    next.binding = source.binding() ?? next.binding;
  }
  if (!options.device) next.device = undefined;
  // Data that nobody looked into are what they were. A newer app's stay its own: this one must not have them migrated twice.
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

/** Whose session it is by the data that is written. */
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
