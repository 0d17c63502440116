/**
 * npm run docs:api                writes docs/api from the TSDoc of the public symbols
 * npm run docs:api -- --check     changes nothing, and ends with status 1 if docs/api isn't current
 *
 * typedoc doesn't support TypeScript 7 yet, so it is installed beside the project with a TypeScript that it supports. The versions are exact:
 * another version of typedoc writes other pages, and the check would fail without any change of ours.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { anchors } from './markdown-anchors.mjs';

const root = join(import.meta.dirname, '..');
const packages = ['typedoc@0.28.20', 'typedoc-plugin-markdown@4.14.1', 'typescript@6.0.3'];
const tools = join(root, 'node_modules', '.cache', 'api-reference', packages.join('+'));
const entryPoints = [
  'index',
  'stores/redis/index',
  'stores/postgres/index',
  'stores/mongo/index',
  'express/index',
  'nest/websockets/index',
  'testing/index',
];

if (!existsSync(join(tools, 'node_modules/typedoc'))) {
  mkdirSync(tools, { recursive: true });
  writeFileSync(join(tools, 'package.json'), '{ "private": true }\n');
  execFileSync('npm', ['install', '--no-audit', '--no-fund', ...packages], { cwd: tools, stdio: 'inherit' });
}
const committed = join(root, 'docs', 'api');
const isCheck = process.argv.includes('--check');
const out = isCheck ? mkdtempSync(join(tmpdir(), 'keycard-api-')) : committed;
rmSync(out, { recursive: true, force: true });
execFileSync(
  process.execPath,
  [
    join(tools, 'node_modules/typedoc/bin/typedoc'),
    '--plugin',
    join(tools, 'node_modules/typedoc-plugin-markdown/dist/index.js'),
    ...entryPoints.flatMap((entry) => ['--entryPoints', join('lib', `${entry}.ts`)]),
    ...'--tsconfig tsconfig.build.json --readme none --outputFileStrategy modules --logLevel Error'.split(' '),
    ...'--excludePrivate --excludeInternal --excludeExternals --disableSources --hideBreadcrumbs --skipErrorChecking'.split(
      ' ',
    ),
    '--out',
    out,
  ],
  { cwd: root, stdio: 'inherit' },
);

// typedoc numbers some headings that GitHub doesn't.
for (const file of readdirSync(out, { recursive: true }).filter((path) => path.endsWith('.md'))) {
  const page = join(out, file);
  const here = anchors(page);
  const text = readFileSync(page, 'utf8');
  writeFileSync(
    page,
    text.replace(/\]\(#([\w-]+)-\d+\)/g, (link, name) => (here.has(link.slice(3, -1)) ? link : `](#${name})`)),
  );
}

if (isCheck) {
  const pages = (folder) => readdirSync(folder, { recursive: true }).filter((path) => path.endsWith('.md'));
  const textOf = (folder, page) =>
    existsSync(join(folder, page)) ? readFileSync(join(folder, page), 'utf8') : undefined;
  const stale = [...new Set([...pages(out), ...pages(committed)])].filter(
    (page) => textOf(out, page) !== textOf(committed, page),
  );
  rmSync(out, { recursive: true, force: true });
  if (stale.length > 0) {
    console.error(
      `docs/api does not match the TSDoc of the public symbols: ${stale.join(', ')}. ` +
        'Run "npm run docs:api" and commit docs/api together with the comments that you changed.',
    );
    process.exit(1);
  }
}
