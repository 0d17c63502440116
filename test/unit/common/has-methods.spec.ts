import { expect, it } from '@jest/globals';
import { hasMethods } from '../../../lib/common/has-methods.js';

class Base {
  load(): void {}
}
class Store extends Base {
  save(): void {}
  name = 'text';
}

it('hasMethods() finds own and inherited methods, and refuses a value that lacks one', () => {
  expect(hasMethods(new Store(), 'load', 'save')).toBe(true);
  expect(hasMethods(new Base(), 'load', 'save')).toBe(false);
  expect(hasMethods(new Store(), 'name')).toBe(false);
});

it.each([undefined, null, 7, 'text', {}, []])('hasMethods() takes %p', (value) => {
  expect(hasMethods(value, 'load')).toBe(false);
});
