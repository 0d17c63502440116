import { describe, expect, it } from '@jest/globals';

import { fileOf, nameOf, nameOfFile, SortedNames, tagOf } from '../../../../lib/stores/file/file-names.js';

const EXACT = false;
const FOLDING = true;

describe('the name of a session', () => {
  it('is its id, if that has only letters, digits, - and _', () => {
    for (const id of ['abc123', 'A-_z', 'x'.repeat(128)]) expect(nameOf(id, EXACT)).toBe(id);
  });

  it('is a hash behind a ~, which no plain id has, for any other id', () => {
    for (const id of ['../x', 'a/b', 'a.b', '~x', '', 'x'.repeat(129), 'ü', 'a\0b', 'con', 'NUL']) {
      expect(nameOf(id, EXACT)).toMatch(/^~[0-9a-f]{64}$/);
    }
  });

  it('differs for ids that differ in case only, if the disk ignores case', () => {
    const names = ['Abc', 'abc', 'ABC'].map((id) => nameOf(id, FOLDING).toLowerCase());
    expect(new Set(names).size).toBe(3);
    expect(nameOf('abc', FOLDING)).toBe('abc');
  });

  it('is found again in the name of its file', () => {
    for (const id of ['abc123', '../x']) expect(nameOfFile(fileOf(nameOf(id, EXACT)))).toBe(nameOf(id, EXACT));
  });

  it('is in no other file', () => {
    for (const file of ['abc', 'abc.json.123', '.json', 'a.b.json', '.keycard', '~abc.json', 'abc.JSON', '..json']) {
      expect(nameOfFile(file)).toBeUndefined();
    }
  });
});

it('makes the name of a folder of any principal', () => {
  expect(tagOf('../x')).toMatch(/^[0-9a-f]{32}$/);
  expect(tagOf('a')).not.toBe(tagOf('A'));
});

it('SortedNames has names in the order of sort()', () => {
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
