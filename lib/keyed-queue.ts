/** Runs what shares a key one after another. */
export class KeyedQueue<K = string> {
  private readonly tails = new Map<K, Promise<unknown>>();

  /** Runs `task` when all earlier ones of this key have ended, however they ended. */
  run<T>(key: K, task: () => Promise<T>): Promise<T> {
    const before = this.tails.get(key);
    const mine = before === undefined ? task() : before.then(task, task);
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
}
