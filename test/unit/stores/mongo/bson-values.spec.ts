import { describe, expect, it } from '@jest/globals';
import { fitsSubDocument, isPlainObject, keepTypes } from '../../../../lib/stores/mongo/bson-values.js';

class ObjectId {
  readonly _bsontype = 'ObjectId';
  toJSON(): string {
    return 'abc';
  }
}
const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));

describe('isPlainObject()', () => {
  it.each([
    ['an object', {}, true],
    ['an object without a prototype', Object.create(null), true],
    ['an array', [], false],
    ['a date', new Date(), false],
    ["one of the driver's classes", { _bsontype: 'ObjectId' }, false],
    ['null', null, false],
  ])('%s', (_, value, expected) => expect(isPlainObject(value)).toBe(expected));
});

describe('fitsSubDocument()', () => {
  it.each([
    ['plain data', { a: [1, 'ü', null, { b: true }] }, true],
    ['90 levels', nested(90), true],
    ['91 levels', nested(91), false],
    ['half a surrogate pair', { a: ['\ud800'] }, false],
    ['half a surrogate pair in a key', { '\ud800': 1 }, false],
    ['a zero byte in a key', { 'a\0b': 1 }, false],
    ['a key that the driver takes for one of its own', { a: { _bsontype: 1 } }, false],
  ])('%s', (_, value, expected) => expect(fitsSubDocument(value)).toBe(expected));
});

describe('keepTypes()', () => {
  const date = new Date(0);
  const id = new ObjectId();

  it('gives values that did not change the types that JSON lacks', () => {
    const before = { at: date, ids: [id], deep: { at: date } };
    const next = JSON.parse(JSON.stringify(before)) as unknown;
    expect(keepTypes(next, before)).toEqual(before);
  });

  it.each([
    ['a changed value', { at: 'now' }, { at: date }],
    ['an array in place of an object', { a: [1] }, { a: { at: date } }],
    ['an object in place of an array', { a: { at: 1 } }, { a: [date] }],
  ])('keeps %s', (_, next, before) => expect(keepTypes(structuredClone(next), before)).toEqual(next));
});
