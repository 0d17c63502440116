import { AsyncLocalStorage } from 'node:async_hooks';

/** A session whose `update(fn)` may be at work. */
export interface Updating {
  /** `fn` is at work. */
  readonly applying: boolean;
  /** It has not given back, or reached its first `await`, yet. */
  readonly inSyncPart: boolean;
}

/** Knows what runs within the fn of an `update(fn)`, behind its awaits too. Only an async fn enters it, as it costs. */
const within = new AsyncLocalStorage<Updating>();

export const runWithin = <T>(session: Updating, fn: () => T): T => within.run(session, fn);

/** Whether the caller is the fn of an `update(fn)` of this session. */
export function isWithinUpdate(session: Updating): boolean {
  return session.inSyncPart || (session.applying && within.getStore() === session);
}
