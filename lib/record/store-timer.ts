/** A call that is bounded in time, as an entry of the timer's list. */
export abstract class PendingCall {
  /** The tick in which it began. */
  tick = 0;
  before: PendingCall | undefined = undefined;
  after: PendingCall | undefined = undefined;
  done = false;

  /** Called once where the call takes too long; it is `done` by then. */
  abstract expire(): void;
}

/** How finely time is told: a call ends at most this part of the limit late. */
const TICKS = 8;

/**
 * Bounds calls in time with one timer for all of them, and without asking for the time: each has the same limit, so they end in the order in
 * which they began, and a tick count tells when. A call that has its answer leaves the list at once: what waits for a tick to be forgotten
 * outlives the collections of young garbage, its request with it, and that cost more than all else a read did.
 */
export class CallTimer {
  private first: PendingCall | undefined;
  private last: PendingCall | undefined;
  private tick = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly limitMs: number,
    private readonly timeoutError: () => Error,
  ) {}

  /** Starts the time of a call; whoever makes it calls `remove` when it has answered. */
  add(pending: PendingCall): void {
    pending.tick = this.tick;
    pending.before = this.last;
    if (this.last === undefined) this.first = pending;
    else this.last.after = pending;
    this.last = pending;
    if (this.timer === undefined) {
      this.timer = setInterval(() => this.sweep(), Math.max(1, this.limitMs / TICKS));
      this.timer.unref();
    }
  }

  /** The call has answered, or is given up. */
  remove(pending: PendingCall): void {
    const { before, after } = pending;
    if (before === undefined) this.first = after;
    else before.after = after;
    if (after === undefined) this.last = before;
    else after.before = before;
    pending.before = undefined;
    pending.after = undefined;
    pending.done = true;
  }

  /**
   * Makes a call; gives its result, or `timeoutError` where it takes longer than the limit. What comes after that is dropped.
   *
   * @param late told if it takes longer.
   */
  bound<T>(call: () => Promise<T>, asError: (error: unknown) => Error, late?: () => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let calling: Promise<T>;
      try {
        // A store may give something else than it should: told as its failure.
        calling = Promise.resolve(call());
      } catch (error) {
        reject(asError(error));
        return;
      }
      const pending = new RejectedLate(this, reject, late);
      this.add(pending);
      calling.then(
        (value) => {
          if (pending.done) return;
          this.remove(pending);
          resolve(value);
        },
        (error: unknown) => {
          if (pending.done) return;
          this.remove(pending);
          reject(asError(error));
        },
      );
    });
  }

  /** The error of a call that took too long. */
  timedOut(): Error {
    return this.timeoutError();
  }

  private sweep(): void {
    this.tick += 1;
    // A call that began just before a tick has had almost none of it yet.
    while (this.first !== undefined && this.tick - this.first.tick > TICKS) {
      const pending = this.first;
      this.remove(pending);
      pending.expire();
    }
    if (this.first !== undefined) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}

class RejectedLate extends PendingCall {
  constructor(
    private readonly timer: CallTimer,
    private readonly reject: (error: Error) => void,
    private readonly late: (() => void) | undefined,
  ) {
    super();
  }

  expire(): void {
    this.late?.();
    this.reject(this.timer.timedOut());
  }
}
