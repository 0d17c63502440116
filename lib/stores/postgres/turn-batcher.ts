// From the module, and not the global: an app's tests may put a fake there.
import { setImmediate } from 'node:timers';
import { wasRolledBack } from './postgres-errors.js';

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export interface TurnBatcherOptions<Item, Result> {
  /** Two items of one key never share a query. Left out: any may. */
  readonly key?: (item: Item) => string;
  /** What is sent for it, in characters. `Infinity`: always alone. */
  readonly weight: (item: Item) => number;
  /** Gives the results in the order of the items. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
}

const MAX_ITEMS = 256;
const MAX_WEIGHT = 1_000_000;

/**
 * Lets calls of one turn of the event loop share a query. It waits for `setImmediate`, which comes when all sockets
 * that had something to say were heard; a microtask would come between two sockets, and see one request each.
 */
export class TurnBatcher<Item, Result> {
  private waiting: Waiting<Item, Result>[] = [];

  constructor(private readonly options: TurnBatcherOptions<Item, Result>) {}

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.waiting.push({ item, resolve, reject }) === 1) setImmediate(this.flush);
    });
  }

  private readonly flush = (): void => {
    const { waiting } = this;
    this.waiting = [];
    for (const batch of this.split(waiting)) void this.settle(batch);
  };

  private split(waiting: Waiting<Item, Result>[]): Waiting<Item, Result>[][] {
    if (waiting.length === 1) return [waiting];
    const batches: { keys: Set<string>; weight: number; entries: Waiting<Item, Result>[] }[] = [];
    for (const entry of waiting) {
      const key = this.options.key?.(entry.item);
      const weight = this.options.weight(entry.item);
      let batch = batches.find(
        ({ keys, weight: sum, entries }) =>
          entries.length < MAX_ITEMS && sum + weight <= MAX_WEIGHT && (key === undefined || !keys.has(key)),
      );
      if (batch === undefined) batches.push((batch = { keys: new Set(), weight: 0, entries: [] }));
      if (key !== undefined) batch.keys.add(key);
      batch.weight += weight;
      batch.entries.push(entry);
    }
    return batches.map(({ entries }) => entries);
  }

  private async settle(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.options.run(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, n) => resolve(results[n]!));
    } catch (error) {
      if (batch.length > 1 && wasRolledBack(error)) {
        // One member spoilt it, or a deadlock did: each for itself, so that only the culprit fails.
        for (const entry of batch) void this.settle([entry]);
      } else {
        for (const { reject } of batch) reject(error);
      }
    }
  }
}
