/** The source of the time. A test can replace it. */
export interface Clock {
  /** The current time, in ms since the epoch. */
  now(): number;
}

/** The machine's clock. */
export const systemClock: Clock = { now: () => Date.now() };
