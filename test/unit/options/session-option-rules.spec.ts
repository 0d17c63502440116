import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { durationMs } from '../../../lib/common/duration.js';
import { DEFAULT_COOKIE, placeOf, SESSION_OPTIONS } from '../../../lib/options/session-option-rules.js';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const plain = (text: string): string => text.replaceAll('`', '').trim();

const isDuration = (value: unknown): boolean => durationMs(value) > 0;

/** The default of each option, as a table of docs/options.md shows it. */
const documented = new Map(
  [...read('docs/options.md').matchAll(/^\| ([^|]+) \| ([^|]+) \|/gm)].flatMap(([, names, shown]) =>
    names!.split(',').map((name) => [plain(name), plain(shown!)] as const),
  ),
);

/** The default of each option, as its comment in the interface shows it. */
const commented = new Map(
  [
    ...read('lib/options/options.ts').matchAll(
      /@defaultValue ([^\n]+)(?:\n {3}\* @example [^\n]+)?\n {3}\*\/\n {2}(\w+)\??:/g,
    ),
  ].map(([, shown, name]) => [name!, plain(shown!)] as const),
);

const names = Object.keys(SESSION_OPTIONS) as (keyof typeof SESSION_OPTIONS)[];

/** Defaults that the documentation doesn't show as a literal. */
const WORDS: Partial<Record<keyof typeof SESSION_OPTIONS, unknown>> = {
  maxRecordBytes: 1_048_576,
  renewAfter: Infinity,
  maxSessionsPerPrincipal: Infinity,
  bindTo: [],
};

/** The defaults that are made of other options, or that the documentation describes in words. */
const ELSEWHERE: readonly string[] = [
  'secret',
  'store',
  'name',
  'cookie',
  'idleTimeout',
  'absoluteTimeout',
  'genid',
  'proxy',
  'onSaveError',
  'principalOf',
  'isAuthenticated',
  'bus',
  'clock',
  'logger',
];

describe('the default of an option (#14.4)', () => {
  // The attributes of the cookie have rows of their own.
  it.each(names.filter((name) => name !== 'cookie'))('%s is the same in its comment and in docs/options.md', (name) => {
    const shown = documented.get(name)!;
    expect(shown).toBeTruthy();
    expect(commented.get(name)?.slice(0, shown.length)).toBe(shown);
  });

  it.each(Object.entries(DEFAULT_COOKIE))('cookie.%s is the same in both, and in the code', (name, value) => {
    const shown = typeof value === 'string' ? `'${value}'` : String(value);
    expect(commented.get('cookie')).toContain(`${name}: ${shown}`);
    expect(documented.get(`cookie.${name}`)).toBe(shown);
  });

  it.each(names.filter((name) => !ELSEWHERE.includes(name)))('%s is what docs/options.md shows', (name) => {
    const shown = documented.get(name)!;
    const [, text] = /^'([^']+)'/.exec(shown) ?? [];
    const value = text ?? { true: true, false: false }[shown];
    const expected = name in WORDS ? WORDS[name] : isDuration(value) ? durationMs(value) : value;
    expect(SESSION_OPTIONS[name].read(undefined, placeOf(name))).toEqual(expected);
  });
});
