import type { SessionStore } from '../stores/session-store.js';

/**
 * The store's method, if the one that answers without a promise may be called in its place. Not if a subclass or the app
 * has replaced the method, but not that one.
 */
export function withNow<K extends 'load' | 'replace'>(store: SessionStore, name: K): SessionStore[K] | undefined {
  const now = `${name}Now` as const;
  for (let at: object | null = store; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (Object.hasOwn(at, now)) return typeof Reflect.get(store, now) === 'function' ? store[name] : undefined;
    if (Object.hasOwn(at, name)) return undefined;
  }
  return undefined;
}
