import { within } from './deadline.js';

/** How long a task may wait for its turn, and what its caller is told if it doesn't come. */
export interface LongestWait {
  readonly ms: number;
  error(): Error;
}

/** Runs what shares a key one after another. */
export class KeyedQueue<K = string> {
  private readonly tails = new Map<K, Promise<unknown>>();

  constructor(private readonly longestWait?: LongestWait) {}

  /**
   * Runs `task` when all earlier ones of this key have ended, however they ended.
   *
   * @throws the error of `longestWait` if that takes longer: the task is not run then.
   */
  run<T>(key: K, task: () => Promise<T>): Promise<T> {
    const before = this.tails.get(key);
    const mine = before === undefined ? task() : this.after(before, task);
    this.tails.set(key, mine);
    const done = (): void => {
      if (this.tails.get(key) === mine) this.tails.delete(key);
    };
    mine.then(done, done);
    return mine;
  }

  /** The last of this key that has not ended. */
  last(key: K): Promise<unknown> | undefined {
    return this.tails.get(key);
  }

  /** Ends when all have ended that were there when it was asked. */
  settled(): Promise<unknown> {
    return Promise.allSettled(this.tails.values());
  }

  private async after<T>(before: Promise<unknown>, task: () => Promise<T>): Promise<T> {
    const { longestWait } = this;
    const ended = before.then(noop, noop);
    await (longestWait === undefined ? ended : within(longestWait.ms, ended, longestWait.error));
    return task();
  }
}

const noop = (): void => undefined;
