import { parseJson } from '../../common/parse-json.js';
import { metadataIn, metadataInText, type RecordMetadata } from '../record-metadata.js';
import type { SessionRecord } from '../session-store.js';
import { fitsSubDocument, isPlainObject, keepTypes, type PlainObject } from './bson-values.js';

/** A session's document. `_id`, `session` and `expires` are connect-mongo's, which doesn't touch `keycard`. */
export interface SessionDocument {
  readonly _id: string;
  readonly session: unknown;
  readonly expires?: Date;
  /** Our own fields: the principal, for the index, and an id of our last write. */
  readonly keycard?: { readonly p?: string; readonly rev?: string };
}

/** The form in which a session is written. */
export type SessionValue = string | PlainObject;

/** The JSON text of a document; `undefined` if it contains no session. */
export function textOf({ session }: SessionDocument): string | undefined {
  if (typeof session === 'string') return session;
  return isPlainObject(session) ? JSON.stringify(session) : undefined;
}

/**
 * A record in the form in which a document keeps it. A sub-document has the types that connect-mongo uses:
 * `cookie.expires` is a date, and unchanged values of `before` (dates, object ids) keep their types. Data that a
 * sub-document can't preserve stay text.
 */
export function valueOf(text: string, stringify: boolean, before?: unknown): SessionValue {
  if (stringify) return text;
  const value = parseJson(text);
  if (!isPlainObject(value) || !fitsSubDocument(value)) return text;
  const { cookie } = value;
  if (isPlainObject(cookie) && isTime(cookie['expires'])) cookie['expires'] = new Date(cookie['expires']);
  return keepTypes(value, before) as PlainObject;
}

/** When a record expires, as a date. A record without an expiry gets the default lifetime. */
export function expiryOf({ expiresAt }: SessionRecord, now: number, ttlMs: number): Date {
  const date = new Date(expiresAt);
  return Number.isNaN(date.getTime()) ? new Date(now + ttlMs) : date;
}

/**
 * The principal of a document: from the record's metadata, or from the `keycard` field if they can't be read, as in an
 * encrypted record.
 */
export function principalOf(document: SessionDocument): string | undefined {
  const own = ownMetadata(document.session);
  return own === undefined ? document.keycard?.p : own.principal;
}

/** The engine's metadata, if they can be read. */
export function ownMetadata(session: unknown): RecordMetadata | undefined {
  return typeof session === 'string' ? metadataInText(session) : metadataIn(session);
}

function isTime(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value) &&
    !Number.isNaN(Date.parse(value))
  );
}
