import { describe, expect, it, jest } from '@jest/globals';
import { changedKeys, merge, type OnConflict, snapshot, toJson } from '../../../lib/common/merge.js';

const merged = (base: object, mine: object, theirs: object, onConflict: OnConflict = 'mine'): unknown =>
  JSON.parse(toJson(merge(snapshot(base), snapshot(mine), snapshot(theirs), onConflict)));

describe('snapshot()', () => {
  it('leaves out what JSON drops', () => {
    expect([...snapshot({ a: 1, b: undefined, c: () => 1, d: null })]).toEqual([
      ['a', '1'],
      ['d', 'null'],
    ]);
  });
});

describe('changedKeys()', () => {
  it('names changed, added and removed keys', () => {
    const [before, after] = [
      snapshot({ same: 1, changed: 1, removed: 1 }),
      snapshot({ same: 1, changed: 2, added: 1 }),
    ];
    expect([...changedKeys(before, after)].sort()).toEqual(['added', 'changed', 'removed']);
  });
});

describe('merge()', () => {
  it.each([
    ['changes of different keys both stay', { a: 1, b: 1 }, { a: 2, b: 1 }, { a: 1, b: 2 }, { a: 2, b: 2 }],
    ['added keys both stay', {}, { a: 1 }, { b: 1 }, { b: 1, a: 1 }],
    ['my deletion wins over their change', { a: 1 }, {}, { a: 2 }, {}],
    ['their deletion wins over my change', { a: 1 }, { a: 2 }, {}, {}],
    ['equal changes are no conflict', { a: 1 }, { a: 2 }, { a: 2 }, { a: 2 }],
    ['a key that only they changed is theirs', { a: 1 }, { a: 1 }, { a: 3 }, { a: 3 }],
  ])('%s', (_, base, mine, theirs, expected) => expect(merged(base, mine, theirs)).toEqual(expected));

  it.each([
    ['mine', 2],
    ['theirs', 3],
  ] as const)('a key that both changed is decided by %j', (onConflict, a) =>
    expect(merged({ a: 1 }, { a: 2 }, { a: 3 }, onConflict)).toEqual({ a }),
  );

  it('asks a function only about conflicts, and drops the key for undefined', () => {
    const decide = jest.fn((key: string): unknown => (key === 'dropped' ? undefined : 'decided'));
    const base = { a: 1, dropped: 1, mine: 1, equal: 1 };
    const mine = { a: 2, dropped: 2, mine: 2, equal: 2 };
    const theirs = { a: 3, dropped: 3, mine: 1, equal: 2 };
    expect(merged(base, mine, theirs, decide)).toEqual({ a: 'decided', mine: 2, equal: 2 });
    expect(decide.mock.calls).toEqual([
      ['a', 1, 2, 3],
      ['dropped', 1, 2, 3],
    ]);
  });
});
