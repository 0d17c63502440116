import { expect, it } from '@jest/globals';
import { placesAfter } from '../../../lib/stores/blind-cursor.js';

const IDS = ['a', 'b', 'c', 'd'];

it('lists every id once, in pages that continue at a cursor', () => {
  const all = placesAfter(IDS);
  expect(all.map(({ id }) => id).sort()).toEqual(IDS);
  expect(placesAfter(IDS, all[1]!.cursor)).toEqual(all.slice(2));
});

it('continues at the cursor of an id that is gone', () => {
  const all = placesAfter(IDS);
  const left = IDS.filter((id) => id !== all[1]!.id);
  expect(placesAfter(left, all[1]!.cursor)).toEqual(all.slice(2));
});

it('a cursor begins with the prefix, and shows no id', () => {
  const [place] = placesAfter(['secret-id'], '', 'p.');
  expect(place!.cursor).toMatch(/^p\.[\w-]{43}$/);
  expect(place!.cursor).not.toContain('secret-id');
});
