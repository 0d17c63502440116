/** The source of the time. A test can replace it. */
export interface Clock {
  /** The current time, in ms since the epoch. */
  now(): number;
}

/** The machine's clock. */
export const systemClock: Clock = { now: () => Date.now() };

/** The option of everything that can be given a clock. */
export interface WithClock {
  /**
   * The source of the time.
   *
   * @defaultValue the machine's clock
   */
  readonly clock?: Clock | undefined;
}
