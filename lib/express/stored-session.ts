import { SessionStoreError } from '../stores/session-store.error.js';

/** session-file-store puts the time of its last write among the data. */
const OF_THE_STORE = '__lastAccess';

const NESTED_TOO_DEEP = 'nested too deep';

/** A session as JSON values, or `undefined` if the text is no JSON object. */
export function readSession(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined; // Not JSON: not a session that a store of express-session holds.
  }
}

/**
 * What a store's `get` gave, as JSON text: an object, or text itself. Nothing, or what is neither: `undefined`. An object that is
 * nested too deep to be written is a text that is none, which the engine reports.
 *
 * @throws SessionStoreError if the object can't be written as JSON.
 */
export function textOfSession(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  try {
    return JSON.stringify(OF_THE_STORE in value ? without(value, OF_THE_STORE) : value);
  } catch (error) {
    if ((error as Error).name === 'RangeError') return NESTED_TOO_DEEP;
    throw new SessionStoreError('UNAVAILABLE', 'The session store gave a session that is not JSON.', { cause: error });
  }
}

/** What a store's `all` gave, by id: an object of sessions, or an array of sessions that name theirs. Else `undefined`. */
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
