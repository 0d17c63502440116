import { describe, expect, it } from '@jest/globals';
import { durationMs, show, toMs } from '../../../lib/common/duration.js';

describe('toMs()', () => {
  it.each([
    [1, 1],
    ['500ms', 500],
    ['90s', 90_000],
    ['1.5h', 5_400_000],
    ['2w', 1_209_600_000],
    [' 10 m ', 600_000],
  ])('reads %j', (value, ms) => expect(toMs(value, 'idleTimeout')).toBe(ms));

  it.each([0, -1, Number.NaN, Infinity, '', '10 parsecs', '-5s', null, {}, '11000d'])('refuses %p', (value) =>
    expect(() => toMs(value, 'idleTimeout')).toThrow(/^"idleTimeout" got /),
  );

  it('shows both readings of a text without a unit', () => {
    expect(() => toMs('1800', 'idleTimeout')).toThrow(/Write '1800ms' for 1\.8 s, or '1800s' for 1800 s/);
  });

  it('has a limit, which the error names', () => {
    expect(() => toMs('11s', 'timeout', 10_000)).toThrow(/at most 10000 ms/);
  });
});

describe('durationMs()', () => {
  it('is NaN for what is no duration', () => expect(durationMs('soon')).toBeNaN());
});

describe('show()', () => {
  it.each([
    [undefined, 'nothing'],
    [[1], 'an array'],
    [new Map(), 'an object (Map)'],
    [Object.create(null), 'an object (no prototype)'],
    [5n, '5n'],
    [() => 1, 'a function'],
    ['x'.repeat(80), `"${'x'.repeat(56)}…`],
  ])('shows %p', (value, text) => expect(show(value)).toBe(text));
});
