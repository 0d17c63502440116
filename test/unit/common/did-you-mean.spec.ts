import { describe, expect, it } from '@jest/globals';
import { didYouMean } from '../../../lib/common/did-you-mean.js';

const known = ['secret', 'store', 'idleTimeout', 'touchInterval'];

describe('didYouMean()', () => {
  it.each([
    ['sceret', ' Did you mean "secret"?'],
    ['SECRET', ' Did you mean "secret"?'],
    ['idleTimout', ' Did you mean "idleTimeout"?'],
    ['stroe', ' Did you mean "store"?'],
    ['colour', ''],
    ['toString', ''],
  ])('%s', (given, question) => expect(didYouMean(given, known)).toBe(question));

  it('knows the names of other libraries', () => {
    expect(didYouMean('TTL', known, { ttl: 'idleTimeout' })).toBe(' Did you mean "idleTimeout"?');
  });
});
