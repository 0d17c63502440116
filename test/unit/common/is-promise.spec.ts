import { expect, it } from '@jest/globals';
import { isPromise } from '../../../lib/common/is-promise.js';

it.each([
  ['a promise', Promise.resolve(), true],
  ['a query builder that can be awaited', { then: () => undefined }, true],
  ['an object with data named then', { then: 'later' }, false],
  ['null', null, false],
  ['text', 'then', false],
])('isPromise() of %s', (_, value, expected) => expect(isPromise(value)).toBe(expected));
