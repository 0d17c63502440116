import { describe, expect, it } from '@jest/globals';

import { tooDeep } from '../../../../lib/record/record-text.js';
import { decode, encode } from '../../../../lib/stores/file/file-format.js';

const HOUR = 3_600_000;
const COOKIE = '"cookie":{"originalMaxAge":86400000,"expires":"2026-01-02T00:00:00.000Z","httpOnly":true,"path":"/"}';
const THEIRS = `{${COOKIE},"user":{"id":7,"name":"John Doe"},"views":3,"__lastAccess":1767225600000}`;
const TAG = '0123456789abcdef0123456789abcdef';

describe('what session-file-store has written', () => {
  it('is read as the session without its __lastAccess, which gives the expiry with originalMaxAge', () => {
    expect(decode(THEIRS, HOUR)).toMatchObject({
      text: `{${COOKIE},"user":{"id":7,"name":"John Doe"},"views":3}`,
      expiresAt: Date.parse('2026-01-02T00:00:00.000Z'),
    });
  });

  it('is reproduced byte for byte', () => {
    const { text, expiresAt } = decode(THEIRS, HOUR)!;
    expect(encode({ text, expiresAt }, HOUR)).toBe(THEIRS);
  });

  it('ends after the ttl if the cookie has no lifetime', () => {
    const content = '{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"__lastAccess":1000}';
    expect(decode(content, HOUR)?.expiresAt).toBe(1000 + HOUR);
    expect(encode(decode(content, HOUR)!, HOUR)).toBe(content);
  });

  it('ended before its last access if the lifetime is negative', () => {
    expect(decode('{"cookie":{"originalMaxAge":-1000},"__lastAccess":5000}', HOUR)?.expiresAt).toBe(4000);
  });

  it('may hold keys behind __lastAccess, and what we had added', () => {
    const content = `{${COOKIE},"__keycardFile":{"tag":"${TAG}"},"__lastAccess":1000,"cart":["a"]}`;
    const text = `{${COOKIE},"cart":["a"]}`;
    expect(decode(content, HOUR)).toMatchObject({ text, expiresAt: 86_401_000, tag: TAG });
  });
});

it('what is nested too deep is no session, wherever its __lastAccess is, and fails no list (#12.4)', () => {
  const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
  const found = decode(`{"cookie":{"originalMaxAge":1},"__lastAccess":1000,"good":${deep}}`, HOUR);
  // Up to Node 24, JSON.stringify can't write it again. From Node 26 on it can, and the engine takes the text for none.
  expect(found === undefined ? 'nested too deep' : tooDeep(found.text) && 'nested too deep').toBe('nested too deep');
});

describe('what we write', () => {
  it.each([
    ['plain', `{${COOKIE},"views":3}`],
    ['empty', '{}'],
    ['with a text that looks like the end', `{${COOKIE},"a":",\\"__lastAccess\\":5}"}`],
    ['with a nested key of that name', `{${COOKIE},"a":{"__lastAccess":5}}`],
    ['with a nested key of our name', `{${COOKIE},"a":{"b":1,"__keycardFile":{"tag":"${TAG}"}}}`],
    ['with a key of that name of its own', `{${COOKIE},"__lastAccess":5,"b":1}`],
    ['with the age at another place', '{"cookie":{"path":"/","originalMaxAge":5000}}'],
    ['with a fraction for an age', '{"cookie":{"originalMaxAge":0.5}}'],
    ['without a cookie', '{"views":3}'],
    ['with a text for an age', '{"cookie":{"originalMaxAge":"1d"}}'],
  ])('is read as it was: %s', (_, text) => {
    for (const extra of [{}, { id: 'a"/\\b' }, { tag: TAG }, { id: '../x', tag: TAG }]) {
      const content = encode({ text, expiresAt: 1_767_225_600_123, ...extra }, HOUR);
      expect(JSON.parse(content)).toHaveProperty('__lastAccess');
      expect(decode(content, HOUR)).toEqual({
        text,
        expiresAt: 1_767_225_600_123,
        id: undefined,
        tag: undefined,
        ...extra,
      });
    }
  });

  it('adds nothing but __lastAccess to a session without a principal', () => {
    expect(encode({ text: '{"a":1}', expiresAt: HOUR }, HOUR)).toBe('{"a":1,"__lastAccess":0}');
  });

  it('is a JSON object, or is refused', () => {
    for (const text of ['', '[]', 'null', '"{}']) {
      expect(() => encode({ text, expiresAt: 1 }, HOUR)).toThrow(expect.objectContaining({ code: 'REFUSED' }));
    }
  });
});

it.each([
  '',
  '7',
  'null',
  '[]',
  '"x"',
  '{}',
  '{"cookie":{"originalMaxAge":5}',
  `{${COOKIE},"views"`,
  '{"__lastAccess":"5"}',
  '{"a":1,"__lastAccess":null}',
  '"__lastAccess":5}',
  '\u0000'.repeat(64),
  `[${COOKIE},"__lastAccess":5}`,
])('takes %j for no session', (content) => {
  expect(decode(content, HOUR)).toBeUndefined();
});

it('lets no file change a prototype', () => {
  const found = decode('{"__proto__":{"polluted":1},"__lastAccess":1000,"a":{"__proto__":{"polluted":1}}}', HOUR);
  expect(found).toBeDefined();
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});
