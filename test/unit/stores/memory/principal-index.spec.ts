import { beforeEach, describe, expect, it } from '@jest/globals';
import { PrincipalIndex } from '../../../../lib/stores/memory/principal-index.js';

let index: PrincipalIndex;

beforeEach(() => {
  index = new PrincipalIndex();
});

describe('PrincipalIndex', () => {
  it('has the ids of each principal, each once', () => {
    for (const id of ['a', 'a', 'b', 'b', 'c']) index.add('ada', id);
    index.add('bob', 'd');
    expect([index.of('ada'), index.of('bob'), index.of('eve')]).toEqual([['a', 'b', 'c'], ['d'], []]);
  });

  it('removes an id, and only from its principal', () => {
    for (const id of ['a', 'b', 'c']) index.add('ada', id);
    index.remove('bob', 'a');
    index.remove('ada', 'missing');
    expect(index.of('ada')).toEqual(['a', 'b', 'c']);
    for (const left of [['b', 'c'], ['c'], []]) {
      index.remove('ada', index.of('ada')[0]!);
      expect(index.of('ada')).toEqual(left);
    }
  });

  it('takes ids again after it was emptied', () => {
    index.add('ada', 'a');
    index.clear();
    expect(index.of('ada')).toEqual([]);
    index.add('ada', 'b');
    expect(index.of('ada')).toEqual(['b']);
  });
});
