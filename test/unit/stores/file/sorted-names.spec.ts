import { expect, it } from '@jest/globals';
import { SortedNames } from '../../../../lib/stores/file/file-names.js';

it('gives names in the very order that sort() gives', () => {
  const letters = '-09AZ_az~';
  const all = [
    'a',
    'aa',
    'aaa',
    'a-',
    'a~',
    '~f',
    ...Array.from(
      { length: 2_000 },
      (_, n) => [5, 3, 2, 7].map((step) => letters[(n * step) % letters.length]).join('') + n,
    ),
  ];
  const names = new SortedNames();
  for (const name of all) names.add(name);
  expect([...names]).toEqual([...all].sort());
});
