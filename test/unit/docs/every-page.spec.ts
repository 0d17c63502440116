import { expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const under = (folder: string) =>
  readdirSync(join(root, folder))
    .filter((file) => file.endsWith('.md'))
    .map((file) => file.replace('.md', ''));

it('each page of docs is in the menu of the site, and found from the README (#16.3)', () => {
  const menu = read('docs-site/.vitepress/config.mjs');
  const pages = [...under('docs'), ...under('docs/stores').map((name) => `stores/${name}`)];
  expect(pages.filter((page) => !menu.includes(`'${page}'`))).toEqual([]);
  // Others are a click away from one of these.
  const further = [/^stores\/(express-stores|file-protocol)$/, /^express-session-parity$/, /^dependencies$/];
  const readme = read('README.md');
  expect(
    pages.filter((page) => !readme.includes(`docs/${page}.md`) && !further.some((each) => each.test(page))),
  ).toEqual([]);
});
