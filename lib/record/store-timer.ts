/** A call with a time limit, as an entry of the timer's list. */
export abstract class PendingCall {
  /** The tick in which the call began. */
  tick = 0;
  before: PendingCall | undefined = undefined;
  after: PendingCall | undefined = undefined;
  done = false;

  /** Called once if the call takes too long. It is `done` by then. */
  abstract expire(): void;
}

/** The resolution: a call may run over its limit by at most this part of it. */
const TICKS = 8;

/**
 * Gives calls a time limit, with one timer for all of them. All have the same limit, so they expire in the order in
 * which they began, and counting ticks is enough.
 *
 * A call that was answered leaves the list immediately. If it stayed until the next tick, its request would survive the
 * collection of young objects, which cost more than the rest of a read.
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

  /** Starts the time of a call. The caller calls `remove` when it was answered. */
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

  /** Ends the time of a call that was answered or given up. */
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
   * Makes a call. Rejects with `timeoutError` if it takes longer than the limit; a later result is dropped.
   *
   * @param late called if it takes longer.
   */
  bound<T>(call: () => Promise<T>, asError: (error: unknown) => Error, late?: () => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let calling: Promise<T>;
      try {
        // A store may return something that is no promise.
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

  timedOut(): Error {
    return this.timeoutError();
  }

  private sweep(): void {
    this.tick += 1;
    // A call that began just before a tick has used almost none of it.
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
