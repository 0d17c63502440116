interface Pending {
  readonly deadline: number;
  readonly fail: () => void;
  done: boolean;
}

/**
 * Bounds calls in time with one timer for all of them: each has the same limit, so they end in the order in which they began.
 */
export class CallTimer {
  private readonly queue: Pending[] = [];
  private head = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly limitMs: number,
    private readonly timeoutError: () => Error,
  ) {}

  /** The promise, or `timeoutError` where it takes longer than the limit. What comes after that is dropped. */
  bound<T>(call: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const pending: Pending = {
        deadline: performance.now() + this.limitMs,
        fail: () => reject(this.timeoutError()),
        done: false,
      };
      this.queue.push(pending);
      this.arm();
      call.then(
        (value) => {
          pending.done = true;
          resolve(value);
        },
        (error: unknown) => {
          pending.done = true;
          reject(error as Error);
        },
      );
    });
  }

  private arm(): void {
    if (this.timer !== undefined) return;
    this.timer = setTimeout(() => this.sweep(), this.limitMs);
    this.timer.unref();
  }

  private sweep(): void {
    this.timer = undefined;
    // A timer may fire a fraction of a millisecond early.
    const now = performance.now() + 1;
    while (this.head < this.queue.length) {
      const pending = this.queue[this.head]!;
      if (!pending.done && pending.deadline > now) break;
      this.head += 1;
      if (!pending.done) pending.fail();
    }
    this.queue.splice(0, this.head);
    this.head = 0;
    const next = this.queue[0];
    if (next === undefined) return;
    this.timer = setTimeout(() => this.sweep(), Math.max(1, next.deadline - performance.now()));
    this.timer.unref();
  }
}
