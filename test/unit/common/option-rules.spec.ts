import { describe, expect, it } from '@jest/globals';
import {
  asGiven,
  callback,
  choice,
  duration,
  flag,
  having,
  orFalse,
  type Place,
  readByRules,
  type Rule,
  unknownName,
  wholeNumber,
} from '../../../lib/common/option-rules.js';

const placeOf = (option: string): Place => ({
  option,
  wrong: (_, takes) => new Error(`${option} takes ${takes}`),
  says: (rest) => new Error(`${option} ${rest}`),
  wrongType: (_, takes) => new Error(`${option} has the type of ${takes}`),
});
const noop = (): void => undefined;
const clock = { now: () => 7 };
const ms = duration(10_000, { most: 60_000 });
const seconds = duration(10_000, { unitMs: 1_000, most: 60, isWhole: true });

describe('rules of options', () => {
  it.each<[string, Rule<unknown>, unknown, unknown]>([
    ['flag, by default', flag(true), undefined, true],
    ['flag', flag(true), false, false],
    ['choice, by default the first', choice('a', 'b'), undefined, 'a'],
    ['choice', choice('a', 'b'), 'b', 'b'],
    ['callback', callback(undefined), noop, noop],
    ['object with methods', having(undefined, ['now'], 'a clock'), clock, clock],
    ['whole number', wholeNumber(1), 2, 2],
    ['duration, by default', ms, undefined, 10_000],
    ['duration in ms', ms, 60_000, 60_000],
    ['duration as text', ms, '1m', 60_000],
    ['duration in seconds', seconds, 60, 60_000],
    ['duration in seconds, as text that is not rounded', seconds, '1500ms', 1_500],
    ['anything', asGiven(), 'x', 'x'],
    ['false in place of another', orFalse(ms), false, false],
    ['another in place of false', orFalse(ms), '1s', 1_000],
  ])('%s', (_, rule, value, expected) => expect(rule.read(value, placeOf('it'))).toBe(expected));

  it.each<[string, Rule<unknown>, unknown, string]>([
    ['flag', flag(true), 'yes', 'it has the type of true or false'],
    ['choice', choice('a', 'b'), 'c', "it takes 'a' or 'b'"],
    ['callback', callback(undefined), 7, 'it takes a function'],
    ['object without the methods', having(undefined, ['now'], 'a clock'), {}, 'it takes a clock'],
    ['null for an object', having(undefined, ['now'], 'a clock'), null, 'it takes a clock'],
    ['fraction', wholeNumber(1), 1.5, 'it takes a whole number above 0'],
    ['number of 0', wholeNumber(1), 0, 'it takes a whole number above 0'],
    ['duration of 0', ms, 0, 'it takes a number of ms above 0'],
    ['duration over its limit', ms, 60_001, 'at most 60000'],
    ['fraction of a second', seconds, 1.5, 'it takes a whole number of seconds'],
  ])('refuse a wrong %s', (_, rule, value, says) => {
    expect(() => rule.read(value, placeOf('it'))).toThrow(says);
  });

  it('readByRules() reads each option, and leaves the object as it is', () => {
    const given = Object.freeze({ isOn: false });
    expect(readByRules({ isOn: flag(true), size: wholeNumber(3) }, given, placeOf)).toEqual({
      isOn: false,
      size: 3,
    });
  });

  it('unknownName() finds the first unknown name, and asks for a similar one', () => {
    expect(unknownName({ size: 1 }, ['size'])).toBeUndefined();
    expect(unknownName({ size: 1, colour: 2, siez: 3 }, ['size', 'color'])).toEqual({
      name: 'colour',
      question: expect.stringContaining('color'),
    });
  });
});
