/**
 * npm run docs          serves the documentation site, and follows changes
 * npm run docs:build    builds it into docs-site/.vitepress/dist; a link to a page that is not there fails the build
 *
 * The site has a package.json of its own, so that its tools are none of the library's. They are installed when they are missing.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const site = join(import.meta.dirname, '..', 'docs-site');
const npm = (...args) => execFileSync('npm', args, { cwd: site, stdio: 'inherit' });
const task = process.argv[2] ?? 'build';
if (!['dev', 'build', 'preview'].includes(task)) {
  console.error(`"${task}" is no task of the site; there are dev, build and preview.`);
  process.exit(1);
}
if (!existsSync(join(site, 'node_modules', 'vitepress'))) npm('ci', '--no-audit', '--no-fund');
npm('run', task, ...process.argv.slice(3));
