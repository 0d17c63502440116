// From the module, and not the global: an app's tests may put a fake there.
import { setImmediate } from 'node:timers';

/** What a `TurnBatcher` gathers, and what it does with it. */
export interface TurnBatcherOptions<Item, Result> {
  /** Two items of one key never share a command. Left out: any may. */
  readonly key?: (item: Item) => string;
  /** What is sent for an item, in characters. `Infinity`: always alone. Left out: only the number of items is bounded. */
  readonly weight?: (item: Item) => number;
  /** Sends one command; gives the results in the order of the items. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** Whether an error says that nothing was done, so that each item may be tried alone. Left out: never. */
  readonly didNothing?: (error: unknown) => boolean;
}

/** A server works on nothing else while it answers one command. */
const MAX_ITEMS = 256;
const MAX_WEIGHT = 1_000_000;

/** A result, or, if the items had to be tried alone, the promise of one. */
type Results<Result> = readonly (Result | Promise<Result>)[];

class Batch<Item, Result> {
  readonly items: Item[] = [];
  readonly keys = new Set<string>();
  weight = 0;
  /** One promise for all items, so that an item adds no closure of its own. */
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
 * Lets calls of one turn of the event loop share a command to the server. It waits for `setImmediate`, which comes after all sockets that had
 * something to say were heard; a microtask would run between two sockets, and see one request each.
 */
export class TurnBatcher<Item, Result> {
  private batches: Batch<Item, Result>[] = [];

  constructor(private readonly options: TurnBatcherOptions<Item, Result>) {}

  add(item: Item): Promise<Result> {
    return this.addAs(item, (result) => result);
  }

  /** @param made what becomes of the result: here, and not in a `then` of the caller's, as each costs a promise more. */
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
      // One item spoilt it, or a deadlock did: each alone, so that only the culprit fails.
      if (items.length > 1 && didNothing?.(error) === true) return items.map((item) => this.runAlone(item));
      throw error;
    }
  }

  private async runAlone(item: Item): Promise<Result> {
    return (await this.options.run([item]))[0]!;
  }
}
