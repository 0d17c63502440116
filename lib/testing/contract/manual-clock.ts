import type { Clock } from '../../stores/clock.js';

/**
 * A clock that stands still until it is moved. It starts at the real time, so that a server's own clock agrees with it.
 */
export class ManualClock implements Clock {
  constructor(private time = Date.now()) {}

  now(): number {
    return this.time;
  }

  /** Moves the clock forward by this many ms. */
  advance(ms: number): void {
    this.time += ms;
  }
}
