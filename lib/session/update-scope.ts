import { AsyncLocalStorage } from 'node:async_hooks';

/** A session whose `update(fn)` may be running. */
export interface Updating {
  /** `fn` is running. */
  readonly applying: boolean;
  /** `fn` has neither returned nor reached its first `await`. */
  readonly inSyncPart: boolean;
}

/**
 * Tells which code runs within fn of `update(fn)`, also after its awaits. Only an async fn uses it, as it costs time.
 */
const within = new AsyncLocalStorage<Updating>();

export const runWithin = <T>(session: Updating, fn: () => T): T => within.run(session, fn);

/** Whether the caller runs within fn of this session's `update(fn)`. */
export function isWithinUpdate(session: Updating): boolean {
  return session.inSyncPart || (session.applying && within.getStore() === session);
}
