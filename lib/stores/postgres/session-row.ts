import type { StoredSession } from '../session-store.js';
import { decodeExpiry } from './expire-column.js';
import type { Row } from './postgres-database.js';

/** What was in a row when it was read: the store's revision. Only `digits` tell that a peer has touched it since. */
export class RowVersion {
  constructor(
    readonly text: string,
    readonly digits: string,
    readonly expiresAt: number,
  ) {}
}

/** A row under its id. */
export interface SessionRow {
  readonly id: string;
  readonly version: RowVersion;
}

/** The columns `sid, sess::text` and those of `EXPIRY_COLUMNS`. */
export function readRow([id, text, digits, inConnectionZone]: Row): SessionRow {
  const expiresAt = decodeExpiry(digits!, inConnectionZone!, text!);
  return { id: id!, version: new RowVersion(text!, digits!, expiresAt) };
}

export function storedSession({ version }: SessionRow): StoredSession {
  return { text: version.text, expiresAt: version.expiresAt, revision: version };
}
