/**
 * Carries short texts between the processes that share a store. They are hints: nothing relies on the arrival of one, and what comes may be
 * forged, stale or doubled.
 */
export interface SessionBus {
  /** Tells all subscribers, this process's own included. */
  publish(text: string): Promise<void>;
  /**
   * Hears what is published, on a connection of its own that reconnects by itself.
   *
   * @param hear called for each text.
   * @param state called with `false` if the connection was lost, and with `true` once it is there again.
   * @returns what ends it.
   */
  subscribe(hear: (text: string) => void, state: (isUp: boolean) => void): Promise<() => Promise<void>>;
}
