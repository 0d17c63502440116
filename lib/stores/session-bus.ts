/**
 * Sends short messages between the processes that share a store. They are only hints: they may be lost, forged, late or
 * repeated.
 */
export interface SessionBus {
  /** Sends to all subscribers, including this process. */
  publish(text: string): Promise<void>;
  /**
   * Receives what is published, on a connection of its own that reconnects by itself.
   *
   * @param hear called for each message.
   * @param state called with `false` when the connection is lost, and with `true` when it is back.
   * @returns a function that unsubscribes.
   */
  subscribe(hear: (text: string) => void, state: (isUp: boolean) => void): Promise<() => Promise<void>>;
}
