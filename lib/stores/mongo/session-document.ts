import { metadataIn, metadataInText, type RecordMetadata } from '../record-metadata.js';
import type { SessionRecord } from '../session-store.js';
import { fitsSubDocument, isPlainObject, keepTypes, type PlainObject } from './bson-values.js';

/** A session as it lies in the collection. `_id`, `session` and `expires` are connect-mongo's; it leaves `keycard` alone. */
export interface SessionDocument {
  readonly _id: string;
  readonly session: unknown;
  readonly expires?: Date;
  /** What we keep beside: whose session it is, for the index, and a mark of our last write. */
  readonly keycard?: { readonly p?: string; readonly rev?: string };
}

/** What a session is written as. */
export type SessionValue = string | PlainObject;

/** The JSON text of a document, or `undefined` if it holds no session. */
export function textOf({ session }: SessionDocument): string | undefined {
  if (typeof session === 'string') return session;
  return isPlainObject(session) ? JSON.stringify(session) : undefined;
}

/**
 * A record as a document keeps it. As a sub-document it has the types that connect-mongo gives it: `cookie.expires` a date,
 * and values of `before` that nobody changed (dates, object ids) as they were. What a sub-document would spoil stays text.
 */
export function valueOf(text: string, stringify: boolean, before?: unknown): SessionValue {
  if (stringify) return text;
  const value = parse(text);
  if (!isPlainObject(value) || !fitsSubDocument(value)) return text;
  const { cookie } = value;
  if (isPlainObject(cookie) && isTime(cookie['expires'])) cookie['expires'] = new Date(cookie['expires']);
  return keepTypes(value, before) as PlainObject;
}

/** When a record ends, as a date; one that names no end lives for the time that is the default. */
export function expiryOf({ expiresAt }: SessionRecord, now: number, ttlMs: number): Date {
  const date = new Date(expiresAt);
  return Number.isNaN(date.getTime()) ? new Date(now + ttlMs) : date;
}

/**
 * Whose session a document is. The record's own facts decide; if they can't be seen, as in an encrypted record, the mark
 * beside it does.
 */
export function principalOf(document: SessionDocument): string | undefined {
  const own = ownMetadata(document.session);
  return own === undefined ? document.keycard?.p : own.principal;
}

/** The engine's metadata, if they can be seen. */
export function ownMetadata(session: unknown): RecordMetadata | undefined {
  return typeof session === 'string' ? metadataInText(session) : metadataIn(session);
}

/** Those that have not ended. No `expires`: never ends. One that is no date: not a session, as connect-mongo sees it too. */
export function live(now: number): { $or: object[] } {
  return { $or: [{ expires: { $exists: false } }, { expires: { $gt: new Date(now) } }] };
}

function isTime(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value) &&
    !Number.isNaN(Date.parse(value))
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Not JSON, such as an encrypted record: kept as the text that it is.
  }
}
