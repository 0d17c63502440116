import { LONGEST_TIMER_MS } from './store-options.js';

/**
 * Calls a function at random intervals of 50 to 150 % of `intervalMs`, so that processes that started together don't
 * prune together.
 */
export class Pruner {
  private timer: NodeJS.Timeout | undefined;
  private stopped = true;

  constructor(
    private readonly intervalMs: number,
    private readonly prune: () => Promise<unknown>,
    private readonly onError: (error: unknown) => void,
  ) {}

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.schedule();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private schedule(): void {
    // If the store was closed and opened again during this turn, a timer already runs.
    clearTimeout(this.timer);
    this.timer = setTimeout(
      () => void this.turn(),
      Math.min(LONGEST_TIMER_MS, this.intervalMs * (0.5 + Math.random())),
    );
    this.timer.unref();
  }

  private async turn(): Promise<void> {
    try {
      await this.prune();
    } catch (error) {
      if (!this.stopped) this.onError(error);
    }
    if (!this.stopped) this.schedule();
  }
}
