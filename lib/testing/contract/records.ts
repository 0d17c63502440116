import { randomBytes } from 'node:crypto';

import type {
  ListedSession,
  ListQuery,
  SessionRecord,
  SessionStore,
  StoredSession,
} from '../../stores/session-store.js';
import type { Harness } from './harness.js';

const DAY = 86_400_000;

/** A new id in the engine's format. */
export function newId(): string {
  return randomBytes(24).toString('base64url');
}

/** What a test sets of a record; the rest has defaults. */
export interface RecordOptions {
  readonly data?: Record<string, unknown>;
  readonly principal?: string;
  readonly expiresAt?: number;
}

/** A record in the engine's format: cookie first, then the data, then the metadata. */
export function recordOf(harness: Pick<Harness, 'now'>, options: RecordOptions = {}): SessionRecord {
  const {
    data = { user: { id: 7, name: 'John Doe' }, views: 3 },
    principal,
    expiresAt = harness.now() + DAY,
  } = options;
  const cookie = { originalMaxAge: DAY, expires: new Date(expiresAt).toISOString(), httpOnly: true, path: '/' };
  const metadata = { v: 1, p: principal, n: randomBytes(6).toString('base64url') };
  return { text: JSON.stringify({ cookie, ...data, __keycard: metadata }), expiresAt, principal };
}

/** Loads a record that must exist. */
export async function mustLoad(store: SessionStore, id: string): Promise<StoredSession> {
  const found = await store.load(id);
  if (found === undefined) throw new Error(`No live record under ${JSON.stringify(id.slice(0, 40))}`);
  return found;
}

/** All sessions that a query returns. */
export async function listAll(store: SessionStore, query?: ListQuery): Promise<ListedSession[]> {
  if (store.list === undefined)
    throw new Error('The store has no list(): skip the tests that ask for one, with the reason.');
  const found: ListedSession[] = [];
  for await (const session of store.list(query)) found.push(session);
  return found;
}

/** The ids that a query returns, sorted. A repeated one is listed twice. */
export async function listIds(store: SessionStore, query?: ListQuery): Promise<string[]> {
  return (await listAll(store, query)).map((session) => session.id).sort();
}

/** How often each outcome occurred. */
export function tally<T extends string>(outcomes: readonly T[]): Partial<Record<T, number>> {
  const counts: Partial<Record<T, number>> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

/** The code of the error that a promise rejects with; `undefined` if it resolves. */
export async function errorCode(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    const { name, code } = error as { name?: string; code?: string };
    return name === 'SessionStoreError' ? code : `${name}: not a SessionStoreError`;
  }
}
