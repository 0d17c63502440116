import { hasMethods } from '../common/has-methods.js';

/** A Node callback, which express-session passes to its stores last. */
export type StoreCallback = (error?: unknown, result?: unknown) => void;

/** The methods that every express-session store has. */
export interface ExpressStoreLike {
  get(sid: string, callback: StoreCallback): unknown;
  set(sid: string, session: never, callback: StoreCallback): unknown;
}

/** The methods that an express-session store may have. */
export interface ExpressStoreAbilities {
  destroy(sid: string, callback: StoreCallback): unknown;
  all(callback: StoreCallback): unknown;
  length(callback: StoreCallback): unknown;
  clear(callback: StoreCallback): unknown;
  touch(sid: string, session: never, callback: StoreCallback): unknown;
  on(event: string, listener: () => void): unknown;
  removeListener(event: string, listener: () => void): unknown;
}

/** Whether a value is an express-session store, by its methods: several stores have a base class of their own. */
export function isExpressStore(value: unknown): value is ExpressStoreLike {
  return can(value, 'get') && can(value, 'set');
}

/** Whether it has this method now: apps wrap and patch stores while they run. */
export function can<K extends keyof ExpressStoreAbilities | keyof ExpressStoreLike>(
  store: unknown,
  method: K,
): store is Pick<ExpressStoreAbilities & ExpressStoreLike, K> {
  return hasMethods(store, method);
}

/** Our stores that wrap an express-session store. */
export const adaptedStores = new WeakSet<object>();
