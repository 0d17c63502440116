import { hash } from 'node:crypto';

/** The keys that a login stands on, whatever `login()` was given. */
const ALWAYS: readonly string[] = ['user', 'passport'];

/**
 * A fingerprint of what a principal was logged in with: `user`, `passport`, and the keys given to `login()`. Whoever changes them
 * behind the engine's back changes who the session belongs to.
 */
export function fingerprint(values: Readonly<Record<string, unknown>>, keys: readonly string[] | undefined): string {
  return hash('sha256', JSON.stringify(loginKeys(keys).map((key) => values[key] ?? null)), 'base64').slice(0, 22);
}

/** Whether one of those keys was there and is not any more. */
export function lostLoginKey(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  keys: readonly string[] | undefined,
): boolean {
  return loginKeys(keys).some(
    (key) => before[key] !== undefined && before[key] !== null && (after[key] === undefined || after[key] === null),
  );
}

/** The keys that a login stands on. */
export const loginKeys = (keys: readonly string[] | undefined): readonly string[] =>
  keys === undefined ? ALWAYS : [...ALWAYS, ...keys];
