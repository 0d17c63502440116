import { createHash } from 'node:crypto';

/** A place in a list. The cursor is a hash of the id, so it shows no id, and stays valid when sessions come and go. */
export interface CursorPlace {
  readonly id: string;
  readonly cursor: string;
}

/** The ids in the order of their cursors, starting after `cursor`. */
export function placesAfter(ids: readonly string[], cursor = '', prefix = ''): CursorPlace[] {
  const places = ids.map((id) => ({ id, cursor: prefix + createHash('sha256').update(id).digest('base64url') }));
  return places.filter((place) => place.cursor > cursor).sort((a, b) => (a.cursor < b.cursor ? -1 : 1));
}
