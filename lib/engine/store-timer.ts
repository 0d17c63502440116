/** A call that is bounded in time. */
export interface PendingCall {
  /** The tick in which it began. */
  tick: number;
  done: boolean;
  /** Called once where the call takes too long. */
  expire(): void;
}

/** How finely time is told: a call ends at most this part of the limit late. */
const TICKS = 8;

/**
 * Bounds calls in time with one timer for all of them, and without asking for the time: each has the same limit, so they end in the order in
 * which they began, and a tick count tells when.
 */
export class CallTimer {
  private queue: PendingCall[] = [];
  private head = 0;
  private tick = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly limitMs: number,
    private readonly timeoutError: () => Error,
  ) {}

  /** Starts the time of a call; whoever makes it sets `done` when it has answered. */
  add(pending: PendingCall): void {
    pending.tick = this.tick;
    this.queue.push(pending);
    if (this.timer === undefined) {
      this.timer = setInterval(() => this.sweep(), Math.max(1, this.limitMs / TICKS));
      this.timer.unref();
    }
  }

  /** Makes a call; gives its result, or `timeoutError` where it takes longer than the limit. What comes after that is dropped. */
  bound<T>(call: () => Promise<T>, asError: (error: unknown) => Error): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const pending: PendingCall = { tick: 0, done: false, expire: () => reject(this.timeoutError()) };
      const failed = (error: unknown): void => {
        pending.done = true;
        reject(asError(error));
      };
      try {
        const calling = call();
        this.add(pending);
        calling.then((value) => {
          pending.done = true;
          resolve(value);
        }, failed);
      } catch (error) {
        failed(error);
      }
    });
  }

  /** The error of a call that took too long. */
  timedOut(): Error {
    return this.timeoutError();
  }

  private sweep(): void {
    this.tick += 1;
    while (this.head < this.queue.length) {
      const pending = this.queue[this.head]!;
      // A call that began just before a tick has had almost none of it yet.
      if (!pending.done && this.tick - pending.tick <= TICKS) break;
      this.head += 1;
      if (pending.done) continue;
      pending.done = true;
      pending.expire();
    }
    this.queue = this.queue.slice(this.head);
    this.head = 0;
    if (this.queue.length > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
