import { hash } from 'node:crypto';

/** Keys that every login rests on. */
const ALWAYS: readonly string[] = ['user', 'passport'];

/**
 * A fingerprint of the data that a login rests on: `user`, `passport`, and the keys given to `login()`. If the app
 * changes them without login(), the session no longer counts as logged in.
 */
export function fingerprint(values: Readonly<Record<string, unknown>>, keys: readonly string[] | undefined): string {
  return hash('sha256', JSON.stringify(loginKeys(keys).map((key) => values[key] ?? null)), 'base64').slice(0, 22);
}

/** Whether one of those keys was removed. */
export function lostLoginKey(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  keys: readonly string[] | undefined,
): boolean {
  return loginKeys(keys).some(
    (key) => before[key] !== undefined && before[key] !== null && (after[key] === undefined || after[key] === null),
  );
}

/** The keys that a login rests on. */
export const loginKeys = (keys: readonly string[] | undefined): readonly string[] =>
  keys === undefined ? ALWAYS : [...ALWAYS, ...keys];
