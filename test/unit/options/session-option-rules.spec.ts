import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { SESSION_OPTIONS } from '../../../lib/options/session-option-rules.js';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const plain = (text: string): string => text.replaceAll('`', '').trim();

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

const options = Object.entries(SESSION_OPTIONS).map(([name, { shown }]) => [name, plain(shown)] as const);

describe('the default that the table of options has (#14.4)', () => {
  it.each(options)('of %s stands in its comment', (name, shown) => {
    expect(commented.get(name)?.slice(0, shown.length)).toBe(shown);
  });

  // The attributes of the cookie have rows of their own.
  it.each(options.filter(([name]) => name !== 'cookie'))('of %s stands in docs/options.md', (name, shown) => {
    expect(documented.get(name)).toBe(shown);
  });
});
