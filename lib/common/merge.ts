/** What a session contained at one time: the JSON text of each top-level key. */
export type Snapshot = ReadonlyMap<string, string>;

/**
 * Decides the value of a key that both sides changed. `base` is `undefined` if both added it. Return `undefined` to
 * delete the key. It gets copies, and is only called if the two differ.
 */
export type ConflictResolver = (key: string, base: unknown, mine: unknown, theirs: unknown) => unknown;
/**
 * What happens if both sides changed the same key: a deletion wins; otherwise mine, theirs, or the result of a
 * function.
 */
export type OnConflict = 'mine' | 'theirs' | ConflictResolver;

/** The JSON text of each key. Values that JSON drops (`undefined`, functions) are left out. */
export function snapshot(values: object): Map<string, string> {
  const map = new Map<string, string>();
  for (const [key, value] of Object.entries(values)) {
    const json = JSON.stringify(value) as string | undefined;
    if (json !== undefined) map.set(key, json);
  }
  return map;
}

/** The keys that differ, added and removed ones included. */
export function changedKeys(before: Snapshot, after: Snapshot): Set<string> {
  const changed = new Set<string>();
  for (const [key, json] of after) if (before.get(key) !== json) changed.add(key);
  for (const key of before.keys()) if (!after.has(key)) changed.add(key);
  return changed;
}

/** The JSON object of a snapshot. */
export function toJson(values: Snapshot): string {
  const pairs: string[] = [];
  for (const [key, json] of values) pairs.push(`${JSON.stringify(key)}:${json}`);
  return `{${pairs.join(',')}}`;
}

/**
 * Three-way merge of top-level keys: theirs, with what I changed since `base`. Their order of keys, then my new ones.
 * If both changed a key: a deletion wins, otherwise `onConflict`.
 */
export function merge(base: Snapshot, mine: Snapshot, theirs: Snapshot, onConflict: OnConflict): Map<string, string> {
  const merged = new Map(theirs);
  for (const key of changedKeys(base, mine)) {
    const before = base.get(key);
    const my = mine.get(key);
    const their = theirs.get(key);
    if (their === before) put(merged, key, my);
    else put(merged, key, resolve(key, before, my, their, onConflict));
  }
  return merged;
}

function put(map: Map<string, string>, key: string, json: string | undefined): void {
  if (json === undefined) map.delete(key);
  else map.set(key, json);
}

function resolve(
  key: string,
  base: string | undefined,
  mine: string | undefined,
  theirs: string | undefined,
  onConflict: OnConflict,
): string | undefined {
  if (mine === theirs) return mine;
  if (mine === undefined || theirs === undefined) return undefined;
  if (typeof onConflict === 'function') {
    return JSON.stringify(onConflict(key, value(base), JSON.parse(mine), JSON.parse(theirs))) as string | undefined;
  }
  return onConflict === 'mine' ? mine : theirs;
}

const value = (json: string | undefined): unknown => (json === undefined ? undefined : JSON.parse(json));
