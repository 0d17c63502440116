import { describe, expect, it } from '@jest/globals';
import { readSession, sessionsById, textOfSession } from '../../../lib/express/stored-session.js';

const cycle: Record<string, unknown> = {};
cycle.self = cycle;
let deep: unknown[] = [];
for (let n = 0; n < 100_000; n += 1) deep = [deep];

it.each([
  ['{"a":1}', { a: 1 }],
  ['[1]', undefined],
  ['null', undefined],
  ['{', undefined],
])('readSession(%j)', (text, expected) => expect(readSession(text)).toEqual(expected));

describe('textOfSession()', () => {
  it.each<[string, unknown, string | undefined]>([
    ['text', '{"a":1}', '{"a":1}'],
    ['empty text', '', undefined],
    ['an object', { a: 1 }, '{"a":1}'],
    ["an object with the time of session-file-store's last write", { a: 1, __lastAccess: 7 }, '{"a":1}'],
    ['an array', [1], undefined],
    ['nothing', null, undefined],
  ])('of %s', (_, value, text) => expect(textOfSession(value)).toBe(text));

  it('of an object that is nested too deep is no session, or what JSON makes of it, which the engine refuses then', () => {
    // Node 26 has no limit, the others do.
    const text = textOfSession({ deep });
    expect(text === 'nested too deep' || text === `{"deep":${'['.repeat(100_001)}${']'.repeat(100_001)}}`).toBe(true);
  });

  it('fails for an object that contains itself', () =>
    expect(() => textOfSession(cycle)).toThrow('a session that can not be turned into JSON'));
});

it.each<[string, unknown, [string, unknown][] | undefined]>([
  ['an object', { one: { a: 1 } }, [['one', { a: 1 }]]],
  ['an array with ids', [{ id: 'one', a: 1 }], [['one', { a: 1 }]]],
  ['an array without ids', [{ a: 1 }], undefined],
  ['nothing', null, undefined],
])('sessionsById() of %s', (_, all, expected) =>
  expect(sessionsById(all)).toEqual(expected === undefined ? undefined : new Map(expected)),
);
