import type { SessionServices } from '../session/session-services.js';

/** How often what happened, in this process. For tests and health checks. */
export interface WriteCounters {
  conflicts: number;
  gone: number;
  lostReplies: number;
}

/** What writing sessions takes, beside what a session itself does. */
export interface CommitServices extends SessionServices {
  readonly counters: WriteCounters;
  /** The id that a key of the store stands for; with `hashIds` nobody knows. */
  idOfKey(key: string): string | undefined;
}

/** With a queue in each process, a writer meets no more rivals than there are processes; so many failed tries mean a broken store. */
export const MOST_TRIES = 100;
