import { SessionDataError } from './errors.js';
import { tooDeep } from './record-text.js';

const DEEPEST = 500;

/**
 * The JSON of a session's data.
 *
 * @throws SessionDataError for a cycle, a BigInt, or nesting that `JSON.stringify` can't follow.
 */
export function valuesToJson(values: object): string {
  try {
    return JSON.stringify(values);
  } catch (error) {
    assertSerializable(values);
    throw new SessionDataError(
      'NOT_SERIALIZABLE',
      `The session can't be turned into JSON: ${(error as Error).message}. Nothing was saved.`,
      { cause: error },
    );
  }
}

/**
 * Finds what JSON has no word for, and names where it stands.
 *
 * @throws SessionDataError
 */
export function assertSerializable(values: object): void {
  for (const key of Object.keys(values)) walk((values as Record<string, unknown>)[key], key, 1);
}

function walk(value: unknown, path: string, depth: number): void {
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') {
    throw new SessionDataError(
      'NOT_SERIALIZABLE',
      `session.${shorten(path)} holds a ${typeof value}, which JSON can't carry. Nothing was saved; store plain data.`,
    );
  }
  if (typeof value !== 'object' || value === null) return;
  if (depth > DEEPEST) {
    throw new SessionDataError(
      'TOO_DEEP',
      `session.${shorten(path)} is nested deeper than ${DEEPEST} levels, or holds itself. Nothing was saved.`,
    );
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i += 1) walk(value[i], depth < 5 ? `${path}[${i}]` : path, depth + 1);
    return;
  }
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return;
  for (const key of Object.keys(value))
    walk((value as Record<string, unknown>)[key], depth < 5 ? `${path}.${key}` : path, depth + 1);
}

const shorten = (path: string): string => (path.length > 80 ? `${path.slice(0, 77)}…` : path);

/** @throws SessionDataError where the text is nested deeper than a session may be. */
export function assertNotTooDeep(json: string): void {
  if (tooDeep(json))
    throw new SessionDataError('TOO_DEEP', `The session is nested deeper than ${DEEPEST} levels. Nothing was saved.`);
}

/** Functions and symbols at the top level leave no trace in JSON, so they are looked for before it is compared. */
export function assertNoFunctions(values: object): void {
  for (const key in values) {
    const value = (values as Record<string, unknown>)[key];
    if ((typeof value === 'function' || typeof value === 'symbol') && Object.hasOwn(values, key)) walk(value, key, 1);
  }
}
