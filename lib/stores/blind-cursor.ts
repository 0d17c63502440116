import { createHash } from 'node:crypto';

/** A place in a list that tells no id: by hash, so that it stays good whatever comes and goes. */
export interface CursorPlace {
  readonly id: string;
  readonly cursor: string;
}

/** Ids in the order of their cursors, those after a cursor only. */
export function placesAfter(ids: readonly string[], cursor = '', prefix = ''): CursorPlace[] {
  const places = ids.map((id) => ({ id, cursor: prefix + createHash('sha256').update(id).digest('base64url') }));
  return places.filter((place) => place.cursor > cursor).sort((a, b) => (a.cursor < b.cursor ? -1 : 1));
}
