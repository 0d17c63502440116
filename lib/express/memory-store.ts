import { inherits } from 'node:util';
import { type Callback, type Session } from './session.js';
import { Store, type StoredData } from './store.js';

/**
 * Sessions in the memory of this process, with the API of express-session's `MemoryStore`. Writes also remove expired
 * sessions.
 */
export interface MemoryStore extends Store {
  /** The JSON by id. */
  sessions: Record<string, string>;
  all(callback?: (error: unknown, sessions?: Record<string, StoredData>) => void): void;
  clear(callback?: Callback): void;
  destroy(sid: string, callback?: Callback): void;
  get(sid: string, callback: (error: unknown, session?: StoredData) => void): void;
  set(sid: string, session: StoredData | Session, callback?: Callback): void;
  length(callback: (error: unknown, length?: number) => void): void;
  touch(sid: string, session: StoredData | Session, callback?: Callback): void;
}

/** `new MemoryStore()`. */
export interface MemoryStoreConstructor {
  new (): MemoryStore;
  (this: object): void;
  readonly prototype: MemoryStore;
}

// A function with a cast, for the reason given at `Store`.
export const MemoryStore = function MemoryStore(this: MemoryStore): void {
  Store.call(this);
  this.sessions = Object.create(null) as Record<string, string>;
} as unknown as MemoryStoreConstructor;
inherits(MemoryStore, Store);

/** The next removal runs after as many writes as there were sessions at the last one, so that its cost is spread. */
const LEAST_WRITES = 1_000;
const untilSweep = new WeakMap<MemoryStore, number>();

const { prototype } = MemoryStore;

prototype.all = function all(callback) {
  const live = Object.create(null) as Record<string, StoredData>;
  for (const sid of Object.keys(this.sessions)) {
    const session = read(this, sid);
    if (session !== undefined) live[sid] = session;
  }
  answer(callback, null, live);
};

prototype.clear = function clear(callback) {
  this.sessions = Object.create(null) as Record<string, string>;
  answer(callback);
};

prototype.destroy = function destroy(sid, callback) {
  delete this.sessions[sid];
  answer(callback);
};

prototype.get = function get(sid, callback) {
  answer(callback, null, read(this, sid));
};

prototype.set = function set(sid, session, callback) {
  this.sessions[sid] = JSON.stringify(session);
  const left = (untilSweep.get(this) ?? LEAST_WRITES) - 1;
  untilSweep.set(this, left > 0 ? left : sweep(this));
  answer(callback);
};

prototype.length = function length(callback) {
  this.all((error, sessions) => (error ? callback(error) : callback(null, Object.keys(sessions ?? {}).length)));
};

prototype.touch = function touch(sid, session, callback) {
  const present = read(this, sid);
  if (present !== undefined) this.sessions[sid] = JSON.stringify({ ...present, cookie: session.cookie });
  answer(callback);
};

function read(store: MemoryStore, sid: string): StoredData | undefined {
  const json = store.sessions[sid];
  if (json === undefined) return undefined;
  const session = JSON.parse(json) as StoredData;
  const expires = session.cookie?.expires as unknown;
  if (!expires || new Date(expires as string).getTime() > Date.now()) return session;
  delete store.sessions[sid];
  return undefined;
}

function sweep(store: MemoryStore): number {
  const sids = Object.keys(store.sessions);
  for (const sid of sids) read(store, sid);
  return Math.max(LEAST_WRITES, Object.keys(store.sessions).length);
}

function answer<A extends unknown[]>(callback: ((...parameters: A) => void) | undefined, ...parameters: A): void {
  if (callback !== undefined) setImmediate(callback as (...all: unknown[]) => void, ...parameters);
}
