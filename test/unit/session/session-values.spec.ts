import { describe, expect, it } from '@jest/globals';
import {
  assertNoLostValues,
  assertNotTooDeep,
  assertSerializable,
  valuesToJson,
} from '../../../lib/session/session-values.js';

class Cart {
  readonly #items = [1];
  get size(): number {
    return this.#items.length;
  }
}
class Empty {}
const cycle: Record<string, unknown> = {};
cycle.self = cycle;
const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));

const LOST: [string, unknown, string][] = [
  ['a function', () => 7, "session.x holds a function, which JSON can't hold"],
  ['a symbol', Symbol('s'), 'session.x holds a symbol'],
  ['a promise', Promise.resolve(), 'put "await" before the call that returned it'],
  ['a Map', new Map(), 'session.x holds a Map, which JSON turns into {}'],
  ['a class with private fields', new Cart(), 'session.x holds a Cart, which JSON turns into {}'],
];
const KEPT: [string, unknown][] = [
  ['a date', new Date(0)],
  ['an object without keys', {}],
  ['an empty class without methods', new Empty()],
  ['a boxed number', Object(7)],
  ['an object with toJSON()', { toJSON: () => 7 }],
];

describe('assertSerializable()', () => {
  it.each([...LOST, ['a bigint', 7n, "session.x holds a bigint, which JSON can't hold"] as const])(
    'refuses %s',
    (_, x, says) => expect(() => assertSerializable({ x })).toThrow(says),
  );
  it.each(KEPT)('accepts %s', (_, x) => expect(() => assertSerializable({ x })).not.toThrow());

  it('names the path of a nested value', () => {
    expect(() => assertSerializable({ user: { carts: [{ items: new Set() }] } })).toThrow(
      'session.user.carts[0].items holds a Set',
    );
  });

  it('reports numbers that JSON saves as null, and accepts them', () => {
    const paths: string[] = [];
    assertSerializable({ a: Number.NaN, b: { c: [1, Number.POSITIVE_INFINITY] } }, (path) => paths.push(path));
    expect(paths).toEqual(['a', 'b.c[1]']);
  });

  it.each([
    ['an object that contains itself', cycle],
    ['501 levels', nested(502)],
  ])('refuses %s', (_, x) => expect(() => assertSerializable({ x })).toThrow('nested deeper than 500 levels'));
});

describe('assertNoLostValues()', () => {
  it.each(LOST)('refuses %s', (_, x, says) => expect(() => assertNoLostValues({ x })).toThrow(says));
  it.each(KEPT)('accepts %s', (_, x) => expect(() => assertNoLostValues({ x })).not.toThrow());
  it('looks only at the top level', () => expect(() => assertNoLostValues({ x: { y: new Map() } })).not.toThrow());
});

describe('valuesToJson()', () => {
  it('gives the JSON', () => expect(valuesToJson({ a: 1, b: undefined })).toBe('{"a":1}'));

  it.each([
    ['a bigint', 7n, 'session.x holds a bigint'],
    ['a cycle', cycle, 'session.x'],
    [
      'a toJSON() that throws',
      {
        toJSON: () => {
          throw new Error('own');
        },
      },
      "The session can't be turned into JSON: own. Nothing was saved.",
    ],
  ])('says what of %s JSON can not hold', (_, x, says) => expect(() => valuesToJson({ x })).toThrow(says));
});

it('assertNotTooDeep() refuses JSON of more than 500 levels', () => {
  expect(() => assertNotTooDeep(JSON.stringify(nested(500)))).not.toThrow();
  expect(() => assertNotTooDeep(JSON.stringify(nested(501)))).toThrow('nested deeper than 500 levels');
});
