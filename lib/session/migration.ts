import { SessionOptionsError } from '../common/errors.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { SessionValues } from '../record/record-text.js';
import type { SessionMetadata } from '../record/session-metadata.js';
import { fingerprint } from './login-fingerprint.js';
import { valuesToJson } from './session-values.js';

type MigrationOptions = Pick<ResolvedOptions, 'migrate' | 'schemaVersion'>;

/** Whether the stored data have an older schema version than the app. */
export function isOutdated({ migrate, schemaVersion }: MigrationOptions, metadata: SessionMetadata): boolean {
  return (
    migrate !== undefined &&
    schemaVersion !== undefined &&
    (metadata.schemaVersion ?? Number.NEGATIVE_INFINITY) < schemaVersion
  );
}

/**
 * Migrates older data. A login that rests on them stays valid.
 *
 * @throws SessionOptionsError if the app's `migrate` returns no object.
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
    throw new SessionOptionsError(
      '"migrate" returned no object. It is given the old data, and must return the new data.',
    );
  }
  const json = valuesToJson(given);
  const values = JSON.parse(json) as SessionValues;
  const next = { ...metadata, schemaVersion };
  if (stands) next.loginFingerprint = fingerprint(values, loginKeys);
  return { values, json, metadata: next };
}
