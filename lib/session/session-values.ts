import { isBoxedPrimitive } from 'node:util/types';

import { SessionDataError } from '../common/errors.js';
import { isPromise } from '../common/is-promise.js';
import { tooDeep } from '../record/record-text.js';

const DEEPEST = 500;

/**
 * The JSON of a session's data.
 *
 * @throws SessionDataError for a cycle, a BigInt, or nesting that is too deep for `JSON.stringify`.
 */
export function valuesToJson(values: object): string {
  try {
    return JSON.stringify(values);
  } catch (error) {
    // Finds what made it fail. Values that it only drops are not the cause.
    assertSerializable(values, undefined, false);
    throw new SessionDataError(
      'NOT_SERIALIZABLE',
      `The session can't be turned into JSON: ${(error as Error).message}. Nothing was saved.`,
      { cause: error },
    );
  }
}

/**
 * Looks for values that JSON can't hold, or turns into `{}` silently, and names the key path. Calls `notFinite` for
 * `NaN` and infinite numbers, which JSON turns into `null`.
 *
 * @param strict whether values that JSON drops are looked for as well.
 * @throws SessionDataError
 */
export function assertSerializable(values: object, notFinite?: (path: string) => void, strict = true): void {
  for (const key of Object.keys(values)) walk((values as Record<string, unknown>)[key], key, 1, strict, notFinite);
}

function walk(value: unknown, path: string, depth: number, strict: boolean, notFinite?: (path: string) => void): void {
  if (typeof value === 'number') {
    if (notFinite !== undefined && !Number.isFinite(value)) notFinite(shorten(path));
    return;
  }
  if (typeof value === 'bigint' || (strict && (typeof value === 'function' || typeof value === 'symbol'))) {
    throw notSerializable(path, `a ${typeof value}, which JSON can't hold`, 'store plain data');
  }
  if (typeof value !== 'object' || value === null) return;
  if (depth > DEEPEST) {
    throw new SessionDataError(
      'TOO_DEEP',
      `session.${shorten(path)} is nested deeper than ${DEEPEST} levels, or contains itself. Nothing was saved.`,
    );
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i += 1)
      walk(value[i], depth < 5 ? `${path}[${i}]` : path, depth + 1, strict, notFinite);
    return;
  }
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return;
  const keys = Object.keys(value);
  if (strict) assertKeepsItsData(value, path, keys.length);
  for (const key of keys)
    walk((value as Record<string, unknown>)[key], depth < 5 ? `${path}.${key}` : path, depth + 1, strict, notFinite);
}

/** Refuses an object without `toJSON` that JSON would turn into `{}` although it is not empty. */
function assertKeepsItsData(value: object, path: string, keys: number): void {
  if (isPromise(value)) {
    throw notSerializable(
      path,
      'a promise, which JSON turns into {}',
      'put "await" before the call that returned it, or store plain data',
    );
  }
  if (keys === 0 && holdsMoreThanKeys(value)) {
    throw notSerializable(
      path,
      `a ${nameOf(value)}, which JSON turns into {}`,
      'store it as plain data (an array or an object), or give it a toJSON()',
    );
  }
}

/**
 * Whether an object without keys may have content: a Map, a Set, a RegExp, an Error, or a class with private fields.
 * They all have methods or getters. A class without any, such as an empty DTO, is as empty as `{}`. JSON can hold boxed
 * values.
 */
function holdsMoreThanKeys(value: object): boolean {
  if (isBoxedPrimitive(value)) return false;
  let prototype = Object.getPrototypeOf(value) as object | null;
  while (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    if (Object.getOwnPropertyNames(prototype).some((name) => name !== 'constructor')) return true;
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  return false;
}

function nameOf(value: object): string {
  const { constructor } = value as { constructor?: unknown };
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'class instance';
}

function notSerializable(path: string, what: string, todo: string): SessionDataError {
  return new SessionDataError(
    'NOT_SERIALIZABLE',
    `session.${shorten(path)} holds ${what}. Nothing was saved; ${todo}.`,
  );
}

const shorten = (path: string): string => (path.length > 80 ? `${path.slice(0, 77)}…` : path);

/** @throws SessionDataError if the JSON is nested too deep. */
export function assertNotTooDeep(json: string): void {
  if (tooDeep(json))
    throw new SessionDataError('TOO_DEEP', `The session is nested deeper than ${DEEPEST} levels. Nothing was saved.`);
}

/**
 * Looks for top-level values that JSON drops or turns into `{}`. A change of such a value may not change the JSON, so
 * they are looked for before the JSON is compared. Nested values aren't checked, as this runs for each request.
 */
export function assertNoLostValues(values: object): void {
  for (const key in values) {
    const value = (values as Record<string, unknown>)[key];
    if (typeof value === 'function' || typeof value === 'symbol') {
      if (Object.hasOwn(values, key)) walk(value, key, 1, true);
    } else if (typeof value === 'object' && value !== null && !isPlain(value) && Object.hasOwn(values, key)) {
      if (typeof (value as { toJSON?: unknown }).toJSON !== 'function')
        assertKeepsItsData(value, key, Object.keys(value).length);
    }
  }
}

/** A quick check for values that `JSON.parse` returns. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as unknown;
  return prototype === Object.prototype || prototype === Array.prototype;
}
