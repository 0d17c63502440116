import { within } from './deadline.js';

/** How long a task may wait for its turn, and the error if it takes longer. */
export interface LongestWait {
  readonly ms: number;
  error(): Error;
}

/** Runs tasks of the same key one after another. */
export class KeyedQueue<K = string> {
  private readonly tails = new Map<K, Promise<unknown>>();

  constructor(private readonly longestWait?: LongestWait) {}

  /**
   * Runs `task` when all earlier tasks of this key have finished or failed.
   *
   * @throws the error of `longestWait` if that takes longer. Then the task does not run.
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

  /** The last unfinished task of this key. */
  last(key: K): Promise<unknown> | undefined {
    return this.tails.get(key);
  }

  /** Resolves when all present tasks have finished or failed. */
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
