/** Where the time comes from, so that a test can set it. */
export interface Clock {
  /** Now, in ms since the epoch. */
  now(): number;
}

/** The machine's clock. */
export const systemClock: Clock = { now: () => Date.now() };
