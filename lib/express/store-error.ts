import { SessionUnavailableError } from '../common/errors.js';
import type { SessionRecords } from '../record/session-records.js';
import { isStoreError } from '../stores/session-store.error.js';
import { adaptedStores } from './express-store-like.js';

/**
 * The error that the app gets. From an express-session store it is the error of the callback, as error handlers check
 * its message and code; otherwise ours.
 */
export function storeErrorOf(error: unknown, services: { readonly records: SessionRecords }): unknown {
  if (!adaptedStores.has(services.records.store)) return error;
  const inner = error instanceof SessionUnavailableError && error.cause !== undefined ? error.cause : error;
  return isStoreError(inner) && inner.code === 'UNAVAILABLE' && inner.cause !== undefined ? inner.cause : error;
}
