import { recordText, recordTextWithRaw, type SessionValues } from '../record/record-text.js';
import { nextMetadata } from './next-metadata.js';
import type { SessionCore } from './session-core.js';
import type { Arrival, Draft } from './session-state.js';

/**
 * Makes the record to write now.
 *
 * @param values the result of `update(fn)`; default: the data as they are.
 * @param isPending whether the record is to replace one that does not name it yet.
 * @throws SessionDataError for data that JSON can't hold, or that don't fit the schema.
 */
export function draftOf(core: SessionCore, values?: SessionValues, isPending = false): Draft {
  const { services } = core;
  const content = core.data.content(values);
  const metadata = nextMetadata(services, services.now(), core, content.values);
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
  return core.principalIn(core.storedValues()) === principal ? 'adopted' : 'derived';
}
