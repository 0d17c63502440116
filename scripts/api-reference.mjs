/**
 * npm run docs:api
 * npm run docs:api -- --check     # ends with status 1 if docs/api isn't what the comments say today
 *
 * Writes docs/api from the TSDoc of the public symbols. typedoc doesn't take TypeScript 7 yet, so it is installed beside the project, with the
 * TypeScript that it takes.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { anchors } from './markdown-anchors.mjs';

const root = join(import.meta.dirname, '..');
const tools = join(root, 'node_modules', '.cache', 'api-reference');
const packages = ['typedoc@0.28.20', 'typedoc-plugin-markdown@4', 'typescript@6'];
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
    console.error(`docs/api is not current: ${stale.join(', ')}. Run npm run docs:api.`);
    process.exit(1);
  }
}
