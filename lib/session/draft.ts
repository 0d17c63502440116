import { recordText, recordTextWithRaw, type SessionValues } from '../record/record-text.js';
import type { SessionMetadata } from '../record/session-metadata.js';
import { fingerprint } from './login-fingerprint.js';
import { loginStands, principalIn } from './logged-in.js';
import type { SessionCore } from './session-core.js';
import type { Arrival, Draft } from './session-state.js';

/**
 * Makes the draft of the record to write now.
 *
 * @param values the result of `update(fn)`; default: the data as they are.
 * @param isPending whether the record is to replace one that does not name it yet.
 * @throws SessionDataError for data that JSON can't hold, or that don't fit the schema.
 */
export function draftOf(core: SessionCore, values?: SessionValues, isPending = false): Draft {
  const content = core.data.content(values);
  const metadata = nextMetadata(core, content.values);
  metadata.isPending = isPending || undefined;
  const cookie = core.host.cookieJson(core, metadata);
  const { json, raw } = content;
  const text = raw === undefined ? recordText(cookie, json, metadata) : recordTextWithRaw(cookie, raw, metadata);
  const before = core.isNew ? undefined : core.metadata;
  const isVoid = before?.loginFingerprint !== undefined && metadata.loginFingerprint === undefined;
  return {
    text,
    json,
    metadata,
    cookie,
    arrival: arrivalOf(core, metadata.principal),
    voided: isVoid ? before.principal : undefined,
    mark: core.claim?.mark,
  };
}

/** How this write makes the session a principal's. */
function arrivalOf(core: SessionCore, principal: string | undefined): Arrival | undefined {
  const { claim, idChange, metadata } = core;
  if (principal === undefined) return undefined;
  if (claim !== undefined) {
    const isConfirmed = (idChange === 'confirm' || idChange === 'renew') && metadata.principal === principal;
    return isConfirmed ? 'confirmed' : 'login';
  }
  if (idChange === 'renew' && metadata.principal === principal) return 'renewed';
  if (core.isNew) return 'derived';
  if (metadata.principal === principal) return undefined;
  return principalIn(core, core.storedValues()) === principal ? 'adopted' : 'derived';
}

/**
 * The metadata of the next write.
 *
 * @param values the data to write; `undefined`: as they were read.
 */
function nextMetadata(core: SessionCore, values: SessionValues | undefined): SessionMetadata {
  const { isNew, idChange, claim, admission } = core;
  const { options, lifetimes, nonces } = core.services;
  const now = core.services.now();
  // No record that was read names the principal: express-session wrote it, or it is new.
  const isUntold = core.stored?.record.metadata === undefined;
  const next: SessionMetadata = { ...core.metadata, cookieOverrides: core.overrides() };
  if (idChange !== undefined) {
    next.idSince = now;
    // `absoluteTimeout` counts from the login.
    if (idChange === 'login') next.createdAt = now;
  }
  // Never write a time in the past. If the store still returns the session, this process's clock may be wrong.
  const isOverdue = next.expiresAt <= now;
  if (isNew || isOverdue || core.isDue || idChange !== undefined || claim !== undefined || core.cookieChanged) {
    // A clock that is behind must not end a session that goes on.
    const end = lifetimes.expiryOf(next, isNew ? now : Math.max(now, next.seenAt), core.decidedLife());
    const goesOn = !isNew && !core.cookieChanged;
    next.seenAt = now;
    next.expiresAt = goesOn ? Math.max(next.expiresAt, end) : end;
  }
  if (isNew || idChange !== undefined) {
    next.device = core.host.device() ?? next.device;
    next.binding = core.host.binding() ?? next.binding;
  }
  if (!options.device) next.device = undefined;
  // Data that the app didn't access keep their version. A newer app may have written them, and must not migrate them
  // twice.
  if (options.schemaVersion !== undefined && (isNew || core.data.isGiven))
    next.schemaVersion = Math.max(next.schemaVersion ?? 0, options.schemaVersion);
  if (claim !== undefined) {
    next.principal = claim.principal;
    next.authenticatedAt = claim.at;
    next.revocationNonce = claim.mark;
    next.formerPrincipal = undefined;
    next.principalSince = undefined;
    next.loginFingerprint = fingerprint(values ?? core.values(), claim.keys);
    next.loginKeys = claim.keys;
  } else if (values !== undefined || core.isUnsettled || isUntold) settlePrincipal(next, core, values ?? core.values());
  if (admission !== undefined && admission.principal === next.principal) {
    next.revocationNonce = admission.mark;
    next.loginNumber = admission.number;
  }
  nonces.stamp(next);
  return next;
}

/** Sets the principal that the written data name. */
function settlePrincipal(next: SessionMetadata, core: SessionCore, values: SessionValues): void {
  if (next.loginFingerprint !== undefined) {
    const stands = loginStands(
      next,
      () => core.storedValues(),
      values,
      (data) => principalIn(core, data),
    );
    if (stands) {
      next.loginFingerprint = fingerprint(values, next.loginKeys);
      return;
    }
    next.authenticatedAt = undefined;
    next.loginFingerprint = undefined;
    next.loginKeys = undefined;
  }
  const principal = principalIn(core, values);
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
    if (core.openedAt > next.createdAt) next.principalSince = core.openedAt;
  }
}
