import type { SessionServices } from '../session/session-services.js';

/** Counts since this process began, for tests and health checks. */
export interface WriteCounters {
  conflicts: number;
  gone: number;
  lostReplies: number;
}

/** What the classes of this room need, in addition to what a session needs. */
export interface CommitServices extends SessionServices {
  readonly counters: WriteCounters;
  /** The id of a store key. `undefined` with `hashIds`, as the id can't be computed from its hash. */
  idOfKey(key: string): string | undefined;
}

/**
 * Each process queues its own writes, so a write competes with at most one writer per process. More failed tries than
 * this mean a broken store.
 */
export const MOST_TRIES = 100;
