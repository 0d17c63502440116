import { existsSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { defineConfig } from 'vitepress';
import { anchorOf } from '../../scripts/markdown-anchors.mjs';

const root = join(import.meta.dirname, '..', '..');
const repository = 'https://github.com/nestjs-keycard/nestjs-keycard';
const page = (text, name) => ({ text, link: `/docs/${name}` });

/** By what a reader wants to do. README and the home page have the same order. */
const tasks = [
  [
    'Begin',
    page('Getting started', 'getting-started'),
    page('Options', 'options'),
    page('Decorators and guard', 'decorators-and-guard'),
    page('Typed sessions', 'typed-sessions'),
  ],
  [
    'Decide',
    page('Sessions or JWT?', 'sessions-or-jwt'),
    page('Stores', 'stores'),
    page('Performance', 'performance'),
    page('Security', 'security'),
  ],
  [
    'Build',
    page('Flash messages', 'flash-messages'),
    page('Remember me', 'remember-me'),
    page('Single-page apps and CORS', 'spa-and-cors'),
    page('CSRF', 'csrf'),
    page('Passport', 'passport'),
    page('Two sessions in one app', 'two-sessions'),
    page('Fastify', 'fastify'),
    page('WebSockets', 'websockets'),
    page('GraphQL', 'graphql'),
  ],
  ['Test', page('Testing', 'testing')],
  [
    'Run',
    page('Deploying', 'deploying'),
    page('Health and shutdown', 'health-and-shutdown'),
    page('Troubleshooting', 'troubleshooting'),
    page('FAQ', 'faq'),
  ],
  [
    'Stores',
    page('File', 'stores/file'),
    page('Redis', 'stores/redis'),
    page('PostgreSQL', 'stores/postgres'),
    page('MongoDB', 'stores/mongo'),
    page('Stores of express-session', 'stores/express-stores'),
    page('Writing a store', 'writing-a-store'),
  ],
  [
    'Move',
    page('From express-session', 'migrating-from-express-session'),
    page('Parity with express-session', 'express-session-parity'),
    page('From @nestjs/jwt', 'sessions-or-jwt#moving-from-nestjsjwt'),
    page('Upgrading', 'upgrading'),
    { text: 'Changelog', link: '/CHANGELOG' },
  ],
  [
    'Look inside',
    page('API reference', 'api/README'),
    page('Architecture', 'architecture'),
    page('Decisions', 'decisions/README'),
    page('Simulation', 'simulation'),
    page('The protocol of FileStore', 'stores/file-protocol'),
    page('Dependencies', 'dependencies'),
    { text: 'Contributing', link: '/CONTRIBUTING' },
    { text: 'Report a vulnerability', link: '/SECURITY' },
  ],
];

export default defineConfig({
  title: 'nestjs-keycard',
  description: 'Sessions for NestJS',
  // The pages stay where GitHub shows them; the site adds only its home page.
  srcDir: root,
  srcExclude: [
    '**/node_modules/**',
    'artifacts/**',
    'dist/**',
    'test/**',
    'bench/**',
    'lib/**',
    'schematics/**',
    'coverage/**',
  ],
  rewrites: { 'docs-site/index.md': 'index.md' },
  outDir: join(import.meta.dirname, 'dist'),
  cacheDir: join(import.meta.dirname, 'cache'),
  // The pages lie above this folder, so what they are compiled to finds no `vue` by itself.
  vite: {
    resolve: {
      alias: [{ find: /^vue(?=\/|$)/, replacement: join(root, 'docs-site', 'node_modules', 'vue') }],
    },
  },
  cleanUrls: true,
  // The build fails for a link to a page that is not there.
  ignoreDeadLinks: [/^https?:\/\/localhost/],
  markdown: {
    // As GitHub names them, where the same pages are read.
    anchor: { slugify: anchorOf },
    config: (md) => md.core.ruler.push('links to the repository', ({ tokens, env }) => linkToRepository(tokens, env)),
  },
  themeConfig: {
    nav: [
      { text: 'Getting started', link: '/docs/getting-started' },
      { text: 'Options', link: '/docs/options' },
      { text: 'API', link: '/docs/api/README' },
      { text: 'Troubleshooting', link: '/docs/troubleshooting' },
    ],
    sidebar: tasks.map(([text, ...items]) => ({ text, items })),
    outline: [2, 3],
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: repository }],
    editLink: { pattern: `${repository}/edit/main/:path` },
  },
});

const outside = ['test', 'bench', 'lib', 'schematics'].map((folder) => join(root, folder));
const isPage = (file) => file.endsWith('.md') && !outside.some((folder) => file.startsWith(folder));

/** What is no page, such as a file of the sample, is shown where the code is. */
function linkToRepository(tokens, env) {
  const folder = join(root, dirname(env.relativePath ?? env.path ?? ''));
  for (const token of tokens.flatMap((each) => each.children ?? [])) {
    if (token.type !== 'link_open') continue;
    const [path, anchor] = (token.attrGet('href') ?? '').split('#');
    if (path === '' || path.startsWith('/') || /^[a-z]+:/.test(path)) continue;
    const file = resolve(folder, decodeURI(path));
    if (!existsSync(file) || isPage(file)) continue;
    const kind = statSync(file).isDirectory() ? 'tree' : 'blob';
    token.attrSet('href', `${repository}/${kind}/main/${relative(root, file)}${anchor ? `#${anchor}` : ''}`);
  }
}
