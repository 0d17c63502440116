import { SessionUnavailableError } from '../common/errors.js';
import type { SessionManager } from '../session-manager.js';
import { isStoreError } from '../record/session-records.js';
import { adaptedStores } from './express-store-like.js';

/**
 * The error that the app is given: of a store of express-session the very one that its callback gave, as error handlers look at its
 * message and code; else ours.
 */
export function storeErrorOf(error: unknown, manager: SessionManager): unknown {
  if (!adaptedStores.has(manager.store)) return error;
  const inner = error instanceof SessionUnavailableError && error.cause !== undefined ? error.cause : error;
  return isStoreError(inner) && inner.code === 'UNAVAILABLE' && inner.cause !== undefined ? inner.cause : error;
}
