import { SessionOptionsError } from '../common/errors.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { SessionValues } from '../record/record-text.js';
import type { SessionMetadata } from '../record/session-metadata.js';
import { fingerprint } from './login-fingerprint.js';
import { valuesToJson } from './session-values.js';

type MigrationOptions = Pick<ResolvedOptions, 'migrate' | 'schemaVersion'>;

/** Whether stored data are of an older version of the app's than this. */
export function isOutdated({ migrate, schemaVersion }: MigrationOptions, metadata: SessionMetadata): boolean {
  return (
    migrate !== undefined &&
    schemaVersion !== undefined &&
    (metadata.schemaVersion ?? Number.NEGATIVE_INFINITY) < schemaVersion
  );
}

/**
 * Older data in today's shape, and the metadata that go with it: a login that stands on the data stands on.
 *
 * @throws SessionOptionsError if the app's `migrate` gives no object.
 */
export function migrated(
  { migrate, schemaVersion }: MigrationOptions,
  metadata: SessionMetadata,
  read: SessionValues,
): { readonly values: SessionValues; readonly json: string; readonly metadata: SessionMetadata } {
  const { loginFingerprint, loginKeys } = metadata;
  const stands = loginFingerprint !== undefined && fingerprint(read, loginKeys) === loginFingerprint;
  const given = migrate!(read, metadata.schemaVersion);
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new SessionOptionsError('"migrate" gave no object; it takes the old data and gives the new.');
  }
  const json = valuesToJson(given);
  const values = JSON.parse(json) as SessionValues;
  const next = { ...metadata, schemaVersion };
  if (stands) next.loginFingerprint = fingerprint(values, loginKeys);
  return { values, json, metadata: next };
}
