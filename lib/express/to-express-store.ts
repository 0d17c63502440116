import type { EventEmitter } from 'node:events';
import type { SessionStore } from '../stores/session-store.js';
import { asGiven, duration, type Rules } from '../common/option-rules.js';
import { clock, LONGEST_LIFE_MS, readStoreOptions, warnAs } from '../stores/store-options.js';
import type { StoreCallback } from './express-store-like.js';
import { ExpressSessions, type ExpressSessionsOptions, type SessionObject } from './express-sessions.js';
import { reviveSession, type SessionRequest } from './revive-session.js';
import type { Session } from './session.js';
import { Store } from './store.js';

/** Options of `toExpressStore`. */
export interface ToExpressStoreOptions<S = unknown> extends ExpressSessionsOptions {
  /**
   * express-session's own `Store`, if a store has to be an instance of it. `toExpressStore(store, session)` passes it.
   */
  readonly Store?: (abstract new () => S) | undefined;
}

/**
 * What express-session calls on its store. Each callback is optional; an error without one becomes a warning of the
 * process.
 */
export interface ExpressStoreMethods {
  get(sid: string, callback?: (error: unknown, session?: never) => void): void;
  set(sid: string, session: object, callback?: (error?: unknown) => void): void;
  destroy(sid: string, callback?: (error?: unknown) => void): void;
  touch(sid: string, session: object, callback?: (error?: unknown) => void): void;
  all(callback?: (error: unknown, sessions?: never) => void): void;
  length(callback?: (error: unknown, length?: number) => void): void;
  clear(callback?: (error?: unknown) => void): void;
  /** Closes the wrapped `SessionStore`. */
  close(): Promise<void>;
}

/** A store with the same behaviour, without express-session's own base class. */
export interface ExpressStore extends EventEmitter, ExpressStoreMethods {
  regenerate(request: object, callback: (error?: unknown) => void): void;
  load(sid: string, callback: (error: unknown, session?: never) => void): void;
  createSession(request: object, session: object): never;
}

const warn = warnAs('KEYCARD_EXPRESS');

const OPTIONS = {
  Store: asGiven(),
  ttl: duration(86_400_000, { unitMs: 1_000, most: LONGEST_LIFE_MS / 1_000 }),
  clock,
} satisfies Rules<ToExpressStoreOptions>;

type Base = new () => EventEmitter & {
  createSession(request: SessionRequest, session: SessionObject): object;
};

/**
 * Adapts one of our stores to express-session: `session({ store: toExpressStore(new RedisStore({ client }), session)
 * })`.
 *
 * express-session has no revisions, so its last writer still wins. But a session that was loaded from the store is
 * never written again after it has ended: a request that is still running can't undo a logout.
 *
 * A call sees the effect of earlier calls without waiting for their callbacks: `set(id, session); get(id, callback)`
 * returns the session.
 */
export function toExpressStore<S>(
  store: SessionStore,
  options: { readonly Store: abstract new () => S } & ToExpressStoreOptions,
): S & ExpressStoreMethods;
export function toExpressStore(store: SessionStore, options?: ExpressSessionsOptions): ExpressStore;
export function toExpressStore(store: SessionStore, options: ToExpressStoreOptions = {}): unknown {
  // It may be express-session itself, which has more properties than the options.
  const { Store: Given, ttl, clock: given } = options;
  const read = readStoreOptions(
    'toExpressStore',
    OPTIONS,
    Given === undefined ? options : { Store: Given, ttl, clock: given },
  );
  const BaseStore = (Given ?? PlainStore) as Base;
  const sessions = new ExpressSessions(store, read.ttl, read.clock);

  class KeycardStore extends BaseStore {
    get(sid: string, callback?: StoreCallback): void {
      answer(sessions.get(sid), callback);
    }

    set(sid: string, session: object, callback?: StoreCallback): void {
      answer(sessions.set(sid, session as SessionObject), callback);
    }

    destroy(sid: string, callback?: StoreCallback): void {
      answer(sessions.destroy(sid), callback);
    }

    touch(sid: string, session: object, callback?: StoreCallback): void {
      answer(sessions.touch(sid, session as SessionObject), callback);
    }

    all(callback?: StoreCallback): void {
      answer(sessions.all(), callback);
    }

    length(callback?: StoreCallback): void {
      answer(sessions.count(), callback);
    }

    clear(callback?: StoreCallback): void {
      answer(sessions.clear(), callback);
    }

    override createSession(request: SessionRequest, session: SessionObject): object {
      const created = super.createSession(request, session);
      sessions.cameFromStore(request.sessionID, created);
      return created;
    }

    async close(): Promise<void> {
      await store.close?.();
    }
  }
  return new KeycardStore();
}

/** Makes sessions of express-session's own class, without importing it. express-session adds `generate`. */
class PlainStore extends Store {
  override createSession(request: object, session: object): Session {
    return reviveSession(this.generate, request as SessionRequest, session as SessionObject) as Session;
  }
}

function answer(promise: Promise<unknown>, callback: StoreCallback = warnOfError): void {
  // Called outside the promise, so that what the callback throws reaches its caller and is no rejection.
  promise.then(
    (result) => setImmediate(callback, null, result),
    (error: unknown) => setImmediate(callback, error),
  );
}

function warnOfError(error: unknown): void {
  if (error) warn(`A call of the session store without a callback failed: ${(error as Error).message}`);
}
