import { parseJson } from '../common/parse-json.js';
import { SessionStoreError } from '../stores/session-store.error.js';

/** session-file-store puts the time of its last write among the data. */
const OF_THE_STORE = '__lastAccess';

const NESTED_TOO_DEEP = 'nested too deep';

/** A session as JSON values; `undefined` if the text is no JSON object. */
export function readSession(text: string): Record<string, unknown> | undefined {
  const value = parseJson(text);
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/**
 * Converts the result of a store's `get` (an object or text) to JSON text; `undefined` for anything else. An object
 * that is nested too deep becomes a text that is no session, which the engine reports.
 *
 * @throws SessionStoreError if the object can't be turned into JSON.
 */
export function textOfSession(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  try {
    return JSON.stringify(OF_THE_STORE in value ? without(value, OF_THE_STORE) : value);
  } catch (error) {
    if ((error as Error).name === 'RangeError') return NESTED_TOO_DEEP;
    throw new SessionStoreError(
      'UNAVAILABLE',
      'The session store returned a session that can not be turned into JSON.',
      { cause: error },
    );
  }
}

/**
 * The result of a store's `all`, by id: an object of sessions, or an array of sessions with ids. Otherwise `undefined`.
 */
export function sessionsById(all: unknown): Map<string, unknown> | undefined {
  if (typeof all !== 'object' || all === null) return undefined;
  if (!Array.isArray(all)) return new Map(Object.entries(all));
  const sessions = new Map<string, unknown>();
  for (const session of all as unknown[]) {
    const id = (session as { id?: unknown } | null)?.id;
    if (typeof id !== 'string') return undefined;
    sessions.set(id, without(session as object, 'id'));
  }
  return sessions;
}

function without(session: object, key: string): object {
  return Object.fromEntries(Object.entries(session).filter(([name]) => name !== key));
}
