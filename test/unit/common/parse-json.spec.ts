import { expect, it } from '@jest/globals';
import { parseJson } from '../../../lib/common/parse-json.js';

it.each([
  ['{"a":[1]}', { a: [1] }],
  ['null', null],
  ['', undefined],
  ['{"a":', undefined],
])('parseJson(%j) is a value, or undefined for what is no JSON', (text, value) => {
  expect(parseJson(text)).toEqual(value);
});
