/** Node's callback, as stores of express-session take it last. */
export type StoreCallback = (error?: unknown, result?: unknown) => void;

/** What a store of express-session must be able to do. */
export interface ExpressStoreLike {
  get(sid: string, callback: StoreCallback): unknown;
  set(sid: string, session: never, callback: StoreCallback): unknown;
}

/** The rest, which a store may have. */
export interface ExpressStoreAbilities {
  destroy(sid: string, callback: StoreCallback): unknown;
  all(callback: StoreCallback): unknown;
  length(callback: StoreCallback): unknown;
  clear(callback: StoreCallback): unknown;
  touch(sid: string, session: never, callback: StoreCallback): unknown;
  on(event: string, listener: () => void): unknown;
  removeListener(event: string, listener: () => void): unknown;
}

/** Whether a value is a store of express-session, by what it can do: several of them bring their own base class. */
export function isExpressStore(value: unknown): value is ExpressStoreLike {
  return can(value, 'get') && can(value, 'set');
}

/** Whether it has this method now: stores are wrapped and patched while the app runs. */
export function can<K extends keyof ExpressStoreAbilities | keyof ExpressStoreLike>(
  store: unknown,
  method: K,
): store is Pick<ExpressStoreAbilities & ExpressStoreLike, K> {
  return (
    ((typeof store === 'object' && store !== null) || typeof store === 'function') &&
    typeof (store as Record<string, unknown>)[method] === 'function'
  );
}

/** Stores of ours that have one of express-session below them. */
export const adaptedStores = new WeakSet<object>();
