/**
 * node scripts/check-docs.mjs
 *
 * The code of README and docs compiles (blocks marked `check`, and the README's app), and no link inside them is dead.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { anchors } from './markdown-anchors.mjs';

const root = join(import.meta.dirname, '..');
const pages = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', ...under('docs').filter((path) => path.endsWith('.md'))];
const folder = join(root, 'artifacts', 'docs-code');
const problems = [];

function under(path) {
  return readdirSync(join(root, path), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? under(join(path, entry.name)) : [join(path, entry.name)],
  );
}

rmSync(folder, { recursive: true, force: true });
let blocks = 0;
for (const page of pages) {
  const text = readFileSync(join(root, page), 'utf8');
  checkLinks(page, text);
  // Examples in the reference are parts of something.
  if (page.startsWith('docs/api')) continue;
  // A comment before a block holds what the reader is spared: declarations of what the code takes from elsewhere.
  for (const [, given = '', flags, shown] of text.matchAll(
    /(?:^<!-- given\n([\s\S]*?)-->\n+)?^```ts ?(check|file=\S+)?[^\n]*\n([\s\S]*?)^```/gm,
  )) {
    if (flags === undefined) problems.push(`${page}: a block of TypeScript is not checked: ${shown.split('\n')[0]}`);
    const code = given + shown;
    blocks += 1;
    // What merges into a type of others gets a program of its own.
    const own = /declare module|nestjs-keycard\/\w+-request/.test(code) ? `own-${blocks}` : 'shared';
    mkdirSync(join(folder, own), { recursive: true });
    const imports = /^\s*(import|export) /m.test(code) ? '' : 'export {};\n';
    writeFileSync(
      join(folder, own, `${page.replace(/\W/g, '-')}-${blocks}.ts`),
      `// ${page} (${flags})\n${imports}${code}`,
    );
  }
}

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
for (const program of readdirSync(folder)) {
  const config = join(folder, program, 'tsconfig.json');
  const paths = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')).compilerOptions.paths;
  const absolute = Object.fromEntries(Object.entries(paths).map(([name, [path]]) => [name, [join(root, path)]]));
  writeFileSync(
    config,
    JSON.stringify({
      extends: relative(dirname(config), join(root, 'tsconfig.json')),
      compilerOptions: { paths: absolute, typeRoots: [join(root, 'node_modules/@types')] },
      include: ['*.ts'],
    }),
  );
  try {
    execFileSync(process.execPath, [tsc, '--noEmit', '-p', config], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    problems.push(...error.stdout.split('\n').filter((line) => line.includes('docs-code')));
  }
}

function checkLinks(page, text) {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '');
  for (const [, target] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [path, anchor] = target.split('#');
    const file = path === '' ? join(root, page) : resolve(root, dirname(page), path);
    if (!existsSync(file)) problems.push(`${page}: the link ${target} leads nowhere`);
    else if (anchor && file.endsWith('.md') && !anchors(file).has(anchor))
      problems.push(`${page}: the link ${target} has no such heading`);
  }
}

for (const problem of problems) console.log(problem);
console.log(`docs: ${pages.length} pages, ${blocks} blocks of code, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
