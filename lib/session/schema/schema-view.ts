import { snapshot, type Snapshot } from '../../common/changes.js';
import type { SessionValues } from '../../record/record-text.js';

/** A key that the app sees otherwise than it is stored, as JSON text; `undefined`: not there. */
interface Difference {
  readonly seen: string | undefined;
  readonly stored: string | undefined;
  /** The schema doesn't take what is stored. */
  readonly isRefused: boolean;
}

/**
 * How data read through a schema differs from what is stored. A default, a transform or a refused key is no change that the app made: until
 * the app itself changes such a key, what is stored stays what it was, so that reading never writes, and a transform never works on its own result.
 */
export class SchemaView {
  private readonly differences = new Map<string, Difference>();

  /** Notes what the schema made of stored data, at these keys or at all. */
  note(stored: Snapshot, seen: SessionValues, refused: ReadonlyMap<string, string>, keys?: ReadonlySet<string>): void {
    const now = snapshot(seen);
    for (const key of keys ?? new Set([...stored.keys(), ...now.keys()])) {
      const difference = { seen: now.get(key), stored: stored.get(key), isRefused: refused.has(key) };
      if (difference.seen === difference.stored) this.differences.delete(key);
      else this.differences.set(key, difference);
    }
  }

  /** What the app sees, in terms of what is stored: to tell what it changed. */
  stored(seen: SessionValues): SessionValues {
    return this.translated(seen, (difference) => difference.stored);
  }

  /** What to store: with the defaults, so that they stay what the app saw, and without what was refused, unless it is to be `kept`. */
  written(seen: SessionValues, keepsRefused: boolean): SessionValues {
    return this.translated(seen, ({ seen: shown, stored, isRefused }) =>
      isRefused && !keepsRefused ? shown : (stored ?? shown),
    );
  }

  /** What was translated by `written`, but for what is kept though it was refused. */
  checkable(written: SessionValues): SessionValues {
    const values = { ...written };
    for (const [key, { stored, isRefused }] of this.differences)
      if (isRefused && JSON.stringify(values[key]) === stored) delete values[key];
    return values;
  }

  /** This was written: keys that are now stored as they are seen differ no more. */
  saved(written: Snapshot): void {
    for (const [key, { stored }] of this.differences) if (written.get(key) !== stored) this.differences.delete(key);
  }

  /** Nothing is stored any more. */
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
