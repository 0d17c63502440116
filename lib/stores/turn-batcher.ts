// Imported, as an app's tests may replace the global by a fake.
import { setImmediate } from 'node:timers';

/** How a `TurnBatcher` groups items, and what it does with them. */
export interface TurnBatcherOptions<Item, Result> {
  /** Two items with the same key never share a command. Default: any may. */
  readonly key?: (item: Item) => string;
  /** The size of an item, in characters. `Infinity`: always alone. Default: only the number of items is limited. */
  readonly weight?: (item: Item) => number;
  /** Sends one command; returns the results in the order of the items. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** Whether an error means that nothing was done, so that each item may be tried alone. Default: never. */
  readonly didNothing?: (error: unknown) => boolean;
}

/** A server can do nothing else while it runs one command. */
const MAX_ITEMS = 256;
const MAX_WEIGHT = 1_000_000;

/** A result; or its promise, if the items had to be tried alone. */
type Results<Result> = readonly (Result | Promise<Result>)[];

class Batch<Item, Result> {
  readonly items: Item[] = [];
  readonly keys = new Set<string>();
  weight = 0;
  /** One promise for all items, so that none needs its own closure. */
  readonly results: Promise<Results<Result>>;
  resolve!: (results: Promise<Results<Result>>) => void;

  constructor() {
    this.results = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  takes(key: string | undefined, weight: number): boolean {
    const fits = this.items.length < MAX_ITEMS && this.weight + weight <= MAX_WEIGHT;
    return fits && (key === undefined || !this.keys.has(key));
  }
}

/**
 * Sends the calls of one turn of the event loop as one command. It waits for `setImmediate`, which runs after all ready
 * sockets were read. A microtask would run after each socket, and group nothing.
 */
export class TurnBatcher<Item, Result> {
  private batches: Batch<Item, Result>[] = [];

  constructor(private readonly options: TurnBatcherOptions<Item, Result>) {}

  add(item: Item): Promise<Result> {
    return this.addAs(item, (result) => result);
  }

  /**
   * @param made converts the result. This is faster than a `then` of the caller, which would create another promise.
   */
  addAs<T>(item: Item, made: (result: Result) => T | Promise<T>): Promise<T> {
    const batch = this.batchFor(item);
    const at = batch.items.push(item) - 1;
    return batch.results.then((results) => {
      const result = results[at]!;
      return result instanceof Promise ? result.then(made) : made(result);
    });
  }

  private batchFor(item: Item): Batch<Item, Result> {
    const { key: keyOf, weight: weightOf } = this.options;
    const key = keyOf?.(item);
    const weight = weightOf?.(item) ?? 0;
    let batch = this.batches.find((open) => open.takes(key, weight));
    if (batch === undefined) {
      batch = new Batch();
      if (this.batches.push(batch) === 1) setImmediate(this.flush);
    }
    if (key !== undefined) batch.keys.add(key);
    batch.weight += weight;
    return batch;
  }

  private readonly flush = (): void => {
    const { batches } = this;
    this.batches = [];
    for (const batch of batches) batch.resolve(this.run(batch.items));
  };

  private async run(items: readonly Item[]): Promise<Results<Result>> {
    const { run, didNothing } = this.options;
    try {
      return await run(items);
    } catch (error) {
      // One item, or a deadlock, made the command fail. So each item is tried alone, and only the faulty one fails.
      if (items.length > 1 && didNothing?.(error) === true) return items.map((item) => this.runAlone(item));
      throw error;
    }
  }

  private async runAlone(item: Item): Promise<Result> {
    return (await this.options.run([item]))[0]!;
  }
}
