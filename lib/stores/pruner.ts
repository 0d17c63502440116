import { LONGEST_TIMER_MS } from '../common/deadline.js';

/**
 * Calls a function at random intervals of 50 to 150 % of `intervalMs`, so that processes that started together don't
 * prune together.
 */
export class Pruner {
  private timer: NodeJS.Timeout | undefined;
  private stopped = true;

  /** @param intervalMs `false`: never. */
  constructor(
    private readonly intervalMs: number | false,
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
    if (this.intervalMs === false) return;
    // If the store was closed and opened again during this turn, a timer already runs.
    clearTimeout(this.timer);
    const delay = Math.min(LONGEST_TIMER_MS, this.intervalMs * (0.5 + Math.random()));
    this.timer = setTimeout(() => void this.turn(), delay).unref();
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

/** Reports a failed round by a warning. */
export const warnOfFailedPrune =
  (warn: (message: string) => void) =>
  (error: unknown): void =>
    warn(`Expired sessions could not be removed, which is tried again later: ${(error as Error).message}`);
