import { snapshot, type Snapshot } from '../../common/merge.js';
import type { SessionValues } from '../../record/record-text.js';

/** A key whose value for the app differs from the stored one. Both as JSON; `undefined`: the key is missing. */
interface Difference {
  readonly seen: string | undefined;
  readonly stored: string | undefined;
  /** The stored value doesn't fit the schema. */
  readonly isRefused: boolean;
}

/**
 * The difference between stored data and what the app sees through the schema. A default, a transform or a refused key
 * is no change by the app. Such a key is stored as it was until the app changes it: so reading never writes, and a
 * transform never runs on its own result.
 */
export class SchemaView {
  private readonly differences = new Map<string, Difference>();

  /** Notes what the schema made of stored data, for these keys or for all. */
  note(stored: Snapshot, seen: SessionValues, refused: ReadonlyMap<string, string>, keys?: ReadonlySet<string>): void {
    const now = snapshot(seen);
    for (const key of keys ?? new Set([...stored.keys(), ...now.keys()])) {
      const difference = { seen: now.get(key), stored: stored.get(key), isRefused: refused.has(key) };
      if (difference.seen === difference.stored) this.differences.delete(key);
      else this.differences.set(key, difference);
    }
  }

  /** Turns what the app sees into what is stored, to find out what the app changed. */
  stored(seen: SessionValues): SessionValues {
    return this.translated(seen, (difference) => difference.stored);
  }

  /**
   * The data to store: with defaults, so that they stay as the app saw them, and without refused keys, unless these are
   * to be kept.
   */
  written(seen: SessionValues, keepsRefused: boolean): SessionValues {
    return this.translated(seen, ({ seen: shown, stored, isRefused }) =>
      isRefused && !keepsRefused ? shown : (stored ?? shown),
    );
  }

  /** The part of `written` that has to fit the schema: all but refused keys that are kept. */
  checkable(written: SessionValues): SessionValues {
    const values = { ...written };
    for (const [key, { stored, isRefused }] of this.differences)
      if (isRefused && JSON.stringify(values[key]) === stored) delete values[key];
    return values;
  }

  /** Called after a write: keys that are now stored as the app sees them no longer differ. */
  saved(written: Snapshot): void {
    for (const [key, { stored }] of this.differences) if (written.get(key) !== stored) this.differences.delete(key);
  }

  /** Called when the stored data no longer count. */
  startOver(): void {
    for (const [key, { stored }] of this.differences) if (stored !== undefined) this.differences.delete(key);
  }

  private translated(seen: SessionValues, choose: (difference: Difference) => string | undefined): SessionValues {
    if (this.differences.size === 0) return seen;
    const values: SessionValues = { ...seen };
    for (const [key, difference] of this.differences) {
      const now = Object.hasOwn(seen, key) ? (JSON.stringify(seen[key]) as string | undefined) : undefined;
      if (now !== difference.seen) continue;
      const chosen = choose(difference);
      if (chosen === undefined) delete values[key];
      else if (chosen !== now) values[key] = JSON.parse(chosen);
    }
    return values;
  }
}
