import { describe, expect, it } from '@jest/globals';
import { rememberedMs } from '../../../lib/session/login-options.js';

describe('rememberedMs()', () => {
  it.each([
    [undefined, undefined],
    [{}, undefined],
    [{ remember: undefined }, undefined],
    [{ remember: '1d' }, 86_400_000],
    [{ remember: 5_000 }, 5_000],
  ])('%j is %s ms', (options, ms) => expect(rememberedMs(options)).toBe(ms));

  it.each<[unknown, string]>([
    [{ remember: 'long' }, '"remember" got "long"'],
    [{ remember: 0 }, '"remember" got 0'],
    [{ rememberMe: true }, 'the unknown option "rememberMe"; it takes "remember"'],
    [true, "options got true; it takes an object such as { remember: '30d' }"],
    [['30d'], 'options got an array'],
  ])('refuses %j', (options, says) => expect(() => rememberedMs(options)).toThrow(says));
});
