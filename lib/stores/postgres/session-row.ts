import type { StoredSession } from '../session-store.js';
import { decodeExpiry } from './expire-column.js';
import type { Row } from './postgres-database.js';

/**
 * The content of a row when it was read, which is the store's revision. Only `digits` show that connect-pg-simple has
 * touched it since.
 */
export class RowVersion {
  constructor(
    readonly text: string,
    readonly digits: string,
    readonly expiresAt: number,
  ) {}
}

/** A row and its id. */
export interface SessionRow {
  readonly id: string;
  readonly version: RowVersion;
}

/** Reads the columns `sid, sess::text` and `EXPIRY_COLUMNS`. */
export function readRow([id, text, digits, inConnectionZone]: Row): SessionRow {
  const expiresAt = decodeExpiry(digits!, inConnectionZone!, text!);
  return { id: id!, version: new RowVersion(text!, digits!, expiresAt) };
}

export function storedSession({ version }: SessionRow): StoredSession {
  return { text: version.text, expiresAt: version.expiresAt, revision: version };
}
