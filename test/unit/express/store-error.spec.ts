import { MemoryStore } from 'nestjs-keycard';
import { expect, it } from '@jest/globals';
import { SessionUnavailableError } from '../../../lib/common/errors.js';
import { adaptedStores } from '../../../lib/express/express-store-like.js';
import { storeErrorOf } from '../../../lib/express/store-error.js';
import type { SessionRecords } from '../../../lib/record/session-records.js';
import { SessionStoreError } from '../../../lib/stores/session-store.error.js';

const adapted = new MemoryStore();
adaptedStores.add(adapted);
const of = (error: unknown, store = adapted): unknown =>
  storeErrorOf(error, { records: { store } as Pick<SessionRecords, 'store'> as SessionRecords });

const own = new Error('of the callback');
const failed = new SessionStoreError('UNAVAILABLE', 'get() failed', { cause: own });
const late = new SessionStoreError('TIMEOUT', 'late', { cause: own });

it.each<[string, unknown, unknown]>([
  ['the error of the callback', failed, own],
  ['the same if ours wraps it', new SessionUnavailableError(undefined, { cause: failed }), own],
  ['our error for a time limit', late, late],
])("the app gets %s of an express-session store's", (_, error, expected) => expect(of(error)).toBe(expected));

it('the app gets our error of a store of ours', () => expect(of(failed, new MemoryStore())).toBe(failed));
