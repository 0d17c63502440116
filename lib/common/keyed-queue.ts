import { within } from './deadline.js';

/** How long a task may wait for its turn, and the error if it takes longer. */
export interface LongestWait {
  readonly ms: number;
  error(): Error;
}

/** Runs tasks one after another. */
export class TaskQueue {
  /** The last unfinished task. */
  last: Promise<unknown> | undefined;

  /** @param emptied called when the last task has finished. */
  constructor(
    private readonly longestWait?: LongestWait,
    private readonly emptied?: () => void,
  ) {}

  /**
   * Runs `task` when all earlier tasks have finished or failed.
   *
   * @throws the error of `longestWait` if that takes longer. Then the task does not run.
   */
  run<T>(task: () => Promise<T>): Promise<T> {
    const before = this.last;
    const mine = before === undefined ? task() : this.after(before, task);
    this.last = mine;
    const done = (): void => {
      if (this.last !== mine) return;
      this.last = undefined;
      this.emptied?.();
    };
    mine.then(done, done);
    return mine;
  }

  private async after<T>(before: Promise<unknown>, task: () => Promise<T>): Promise<T> {
    const { longestWait } = this;
    const ended = before.then(noop, noop);
    await (longestWait === undefined ? ended : within(longestWait.ms, ended, longestWait.error));
    return task();
  }
}

/**
 * Runs tasks of the same key one after another.
 *
 * The map holds queues, and an empty queue holds nothing. If the map held promises, the garbage collector would keep
 * many requests for long: a map that grows or shrinks leaves its old table behind, which still refers to what it held.
 */
export class KeyedQueue {
  private readonly queues = new Map<string, TaskQueue>();

  constructor(private readonly longestWait?: LongestWait) {}

  /** Like `TaskQueue.run()`, among the tasks of this key. */
  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    let queue = this.queues.get(key);
    if (queue === undefined) {
      queue = new TaskQueue(this.longestWait, () => void this.queues.delete(key));
      this.queues.set(key, queue);
    }
    return queue.run(task);
  }

  /** The last unfinished task of this key. */
  last(key: string): Promise<unknown> | undefined {
    return this.queues.get(key)?.last;
  }

  /** Resolves when all present tasks have finished or failed. */
  settled(): Promise<unknown> {
    return Promise.allSettled([...this.queues.values()].map(({ last }) => last));
  }
}

const noop = (): void => undefined;
