import { SessionUnavailableError } from '../common/errors.js';
import type { SessionRecords } from '../record/session-records.js';
import { isStoreError } from '../stores/session-store.error.js';
import { adaptedStores } from './express-store-like.js';

/**
 * The error that the app is given: of a store of express-session the very one that its callback gave, as error handlers look at its
 * message and code; else ours.
 */
export function storeErrorOf(error: unknown, services: { readonly records: SessionRecords }): unknown {
  if (!adaptedStores.has(services.records.store)) return error;
  const inner = error instanceof SessionUnavailableError && error.cause !== undefined ? error.cause : error;
  return isStoreError(inner) && inner.code === 'UNAVAILABLE' && inner.cause !== undefined ? inner.cause : error;
}
