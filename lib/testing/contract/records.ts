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

/** A fresh id of the shape that the engine makes. */
export function newId(): string {
  return randomBytes(24).toString('base64url');
}

/** What a test says about a record; the rest is filled in. */
export interface RecordOptions {
  readonly data?: Record<string, unknown>;
  readonly principal?: string;
  readonly expiresAt?: number;
}

/** A record that looks like the engine's: cookie first, the data, the facts last. */
export function recordOf(harness: Pick<Harness, 'now'>, options: RecordOptions = {}): SessionRecord {
  const {
    data = { user: { id: 7, name: 'John Doe' }, views: 3 },
    principal,
    expiresAt = harness.now() + DAY,
  } = options;
  const cookie = { originalMaxAge: DAY, expires: new Date(expiresAt).toISOString(), httpOnly: true, path: '/' };
  const facts = { v: 1, p: principal, n: randomBytes(6).toString('base64url') };
  return { text: JSON.stringify({ cookie, ...data, __keycard: facts }), expiresAt, principal };
}

/** The record must be there. */
export async function mustLoad(store: SessionStore, id: string): Promise<StoredSession> {
  const found = await store.load(id);
  if (found === undefined) throw new Error(`No live record under ${JSON.stringify(id.slice(0, 40))}`);
  return found;
}

/** All that a query gives. */
export async function listAll(store: SessionStore, query?: ListQuery): Promise<ListedSession[]> {
  if (store.list === undefined)
    throw new Error('The store has no list(): skip the tests that ask for one, with the reason.');
  const found: ListedSession[] = [];
  for await (const session of store.list(query)) found.push(session);
  return found;
}

/** The ids that a query gives, sorted; a repeated one shows as such. */
export async function listIds(store: SessionStore, query?: ListQuery): Promise<string[]> {
  return (await listAll(store, query)).map((session) => session.id).sort();
}

/** How often each outcome came. */
export function tally<T extends string>(outcomes: readonly T[]): Partial<Record<T, number>> {
  const counts: Partial<Record<T, number>> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

/** The code of the error that a promise ends with; `undefined` if it ends well. */
export async function errorCode(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    const { name, code } = error as { name?: string; code?: string };
    return name === 'SessionStoreError' ? code : `${name}: not a SessionStoreError`;
  }
}
