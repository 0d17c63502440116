import { expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');
const page = readFileSync(join(root, 'docs/troubleshooting.md'), 'utf8');
const lib = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(join(root, 'lib', file), 'utf8'))
  .join('\n');

/** What a reader searches the page for: the first cells, and in them what stands in backticks. */
const quotes = [...page.matchAll(/^\| ((?:[^|]|\\\|)+?) +\|/gm)]
  .flatMap(([, cell]) =>
    [...cell!.matchAll(/`([^`]+)`(?:: ([a-z][a-z ]+))?/g)].flatMap(([, code, words]) => [code, words]),
  )
  .filter((quote) => quote !== undefined)
  // TypeScript's and Node's own messages, and what the app writes.
  .filter((quote) => !/^(TS\d+|Cannot find module|session\.user$|Set-Cookie$|connect\.sid$)/.test(quote));

it.each(quotes)('%s, which the page quotes, is what the library says (#16.3)', (quote) => {
  // What a message shows of a value differs.
  for (const piece of quote.split(/"?\w*"? ?got nothing|…/).filter((each) => each.length > 3))
    expect(lib.toLowerCase()).toContain(piece.trim().toLowerCase());
});

it('finds the quotes', () => {
  expect(quotes).toEqual(expect.arrayContaining(['NOT_LOADED', 'has not been read yet', 'SessionDataError']));
  expect(quotes.length).toBeGreaterThan(12);
});
