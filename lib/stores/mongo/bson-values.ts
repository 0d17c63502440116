/** A JSON object, as opposed to an array, a date, or one of the driver's classes. */
export type PlainObject = Record<string, unknown>;

/** MongoDB allows 100 levels; some are the document's own. */
const DEEPEST = 90;
/** UTF-8, and so BSON, can't hold unpaired surrogates. */
const HALF_PAIR = /\p{Surrogate}/u;

export function isPlainObject(value: unknown): value is PlainObject {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    prototype === null ||
    (Object.getPrototypeOf(prototype) === null && !Object.hasOwn(value, '_bsontype') && !Array.isArray(value))
  );
}

/** Whether BSON preserves a JSON value. */
export function fitsSubDocument(value: unknown, depth = 0): boolean {
  if (typeof value === 'string') return !HALF_PAIR.test(value);
  if (typeof value !== 'object' || value === null) return true;
  if (depth === DEEPEST) return false;
  if (Array.isArray(value)) return value.every((item) => fitsSubDocument(item, depth + 1));
  return Object.entries(value).every(
    // The driver would treat data with `_bsontype` as one of its own classes.
    ([key, item]) =>
      !key.includes('\0') && key !== '_bsontype' && !HALF_PAIR.test(key) && fitsSubDocument(item, depth + 1),
  );
}

/**
 * Restores types that JSON lacks (a date, an object id): values of `next` whose JSON equals that of their counterpart
 * in `before` get its type. Changes `next`, which must be new from `JSON.parse`.
 */
export function keepTypes(next: unknown, before: unknown, depth = 0): unknown {
  if (typeof before !== 'object' || before === null || depth > DEEPEST) return next;
  if (Array.isArray(before)) {
    if (!Array.isArray(next)) return next;
    for (let n = 0; n < next.length; n++) next[n] = keepTypes(next[n], before[n], depth + 1);
    return next;
  }
  if (isPlainObject(before)) {
    if (!isPlainObject(next)) return next;
    for (const key of Object.keys(next)) {
      if (Object.hasOwn(before, key)) next[key] = keepTypes(next[key], before[key], depth + 1);
    }
    return next;
  }
  return JSON.stringify(before) === JSON.stringify(next) ? before : next;
}
