import type { Clock } from 'nestjs-keycard';

/** A clock that a test sets. */
export class TestClock implements Clock {
  constructor(public time = Date.UTC(2030, 0, 1)) {}

  now(): number {
    return this.time;
  }

  advance(ms: number): void {
    this.time += ms;
  }
}
