/**
 * node scripts/check-pack.mjs
 *
 * Packs the package as it would be published, and tries the tarball in an empty folder that has Nest 11 and no database driver: what is
 * in it, every subpath export from ESM, from CommonJS and inside a CommonJS Jest, publint and are-the-types-wrong.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const subpaths = Object.keys(manifest.exports).filter((path) => path !== './package.json');
const names = subpaths.map((path) => `${manifest.name}${path.slice(1)}`);
/** What each entry point must give, so that an export can't go missing unseen. */
const exportsOf = JSON.parse(readFileSync(join(root, 'test/exports.json'), 'utf8'));

const folder = mkdtempSync(join(tmpdir(), 'keycard-pack-'));
const env = { ...process.env, NODE_OPTIONS: '', NPM_CONFIG_UPDATE_NOTIFIER: 'false' };
const run = (command, args, cwd = folder) =>
  execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

/** None of these is installed beside the package: what loads here needs none of them. */
const OPTIONAL = [
  ...Object.keys(manifest.peerDependenciesMeta),
  'express-session',
  'fastify',
  'socket.io',
  'ws',
  '@nestjs/graphql',
  'graphql',
  'graphql-ws',
];

/** What an app downloads, and what lies on its disk, in kB. One that has good reason to be larger raises the bound in the same commit. */
const MOST_PACKED_KB = 700;
const MOST_UNPACKED_KB = 3_500;

let failed = 0;
let passed = 0;
function check(title, body) {
  try {
    body();
    passed += 1;
    console.log(`ok      ${title}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${title}\n${error.stdout ?? ''}${error.message}`);
  }
}

try {
  run('node', [join(root, 'scripts/build.mjs')], root);
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root));
  const tarball = join(folder, packed.filename);
  const files = packed.files.map((file) => file.path);

  check('the tarball holds dist, docs and the usual papers, nothing else', () => {
    const strange = files.filter(
      (path) =>
        !/^(dist\/(esm|cjs)\/.*(\.js|\.d\.ts|package\.json)|dist\/schematics\/.*|docs\/.*\.(md|svg)|package\.json|README\.md|LICENSE|(?:CHANGELOG|SECURITY)\.md)$/.test(
          path,
        ),
    );
    if (strange.length > 0) throw new Error(`it also holds ${strange.join(', ')}`);
    for (const needed of [
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'dist/esm/index.js',
      'dist/cjs/index.js',
      'dist/cjs/index.d.ts',
    ]) {
      if (!files.includes(needed)) throw new Error(`${needed} is not in it`);
    }
  });

  check(`the tarball has at most ${MOST_PACKED_KB} kB, and ${MOST_UNPACKED_KB} kB unpacked`, () => {
    const [size, unpacked] = [packed.size, packed.unpackedSize].map((bytes) => Math.ceil(bytes / 1_000));
    if (size <= MOST_PACKED_KB && unpacked <= MOST_UNPACKED_KB) return;
    throw new Error(
      `it has ${size} kB, and ${unpacked} kB unpacked. Leave out what apps don't need, or raise the bound.`,
    );
  });

  check('publint has nothing to say', () =>
    run(process.execPath, [join(root, 'node_modules/publint/src/cli.js'), tarball, '--strict']),
  );
  check('are-the-types-wrong has nothing to say', () =>
    run(process.execPath, [
      join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js'),
      tarball,
      '--profile',
      'node16',
    ]),
  );

  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'try-keycard', private: true }));
  run('npm', [
    'install',
    '--prefer-offline',
    '--fetch-retries=5',
    '--no-audit',
    '--no-fund',
    '--legacy-peer-deps',
    tarball,
    '@nestjs/common@11',
    '@nestjs/core@11',
    '@nestjs/platform-express@11',
    '@nestjs/testing@11',
    'reflect-metadata@0.2',
    'rxjs@7',
    'jest@30',
  ]);
  for (const peer of OPTIONAL) {
    check(`${peer} is absent`, () => {
      try {
        execFileSync(process.execPath, ['-e', `require.resolve('${peer}')`], { cwd: folder, stdio: 'ignore' });
      } catch {
        return; // as it should be: it can't be resolved
      }
      throw new Error('it is there');
    });
  }

  const expectation = JSON.stringify(exportsOf);
  const verify = `
    const expected = ${expectation};
    function verify(name, found) {
      const keys = Object.keys(found).filter((key) => key !== '__esModule' && key !== 'module.exports').sort();
      if (JSON.stringify(keys) !== JSON.stringify(expected[name])) throw new Error(name + ' gives ' + keys.join(', ') + ' and not ' + expected[name]);
    }`;
  check('every subpath loads from ESM, and gives what it should', () => {
    writeFileSync(
      join(folder, 'load.mjs'),
      `${verify}\nfor (const name of ${JSON.stringify(names)}) verify(name, await import(name));`,
    );
    run(process.execPath, ['load.mjs']);
  });
  check('every subpath loads from CommonJS, and gives what it should', () => {
    writeFileSync(
      join(folder, 'load.cjs'),
      `${verify}\nfor (const name of ${JSON.stringify(names)}) { const found = require(name); verify(name, found); }
      if (typeof require('${manifest.name}/express') !== 'function') throw new Error('require() of /express gives no function');`,
    );
    run(process.execPath, ['--no-experimental-require-module', 'load.cjs']);
  });
  check('ESM sees the names of every subpath through a CommonJS file that gives it on', () => {
    names.forEach((name, n) => writeFileSync(join(folder, `on-${n}.cjs`), `module.exports = require('${name}');`));
    writeFileSync(
      join(folder, 'on.mjs'),
      `${verify}
      for (const [n, name] of ${JSON.stringify(names)}.entries()) {
        const { default: own, ...found } = await import('./on-' + n + '.cjs');
        verify(name, expected[name].includes('default') ? { ...found, default: own } : found);
      }`,
    );
    run(process.execPath, ['on.mjs']);
  });
  check('a store whose driver is absent says what to install', () => {
    writeFileSync(
      join(folder, 'drivers.mjs'),
      `
      const stores = [
        ['redis', 'RedisStore', { url: 'redis://127.0.0.1:1' }, 'npm install ioredis.'],
        ['postgres', 'PostgresStore', { connectionString: 'postgres://127.0.0.1:1/none' }, 'npm install pg.'],
        ['mongo', 'MongoStore', { url: 'mongodb://127.0.0.1:1/none' }, 'npm install mongodb.'],
      ];
      for (const [path, name, options, advice] of stores) {
        const store = new (await import('${manifest.name}/' + path))[name](options);
        const error = await store.open().then(() => undefined, (thrown) => thrown);
        if (error?.code !== 'REFUSED' || !error.message.endsWith(advice)) throw new Error(name + ' said: ' + error);
      }`,
    );
    run(process.execPath, ['drivers.mjs']);
  });
  check("the two builds know each other's sessions", () => {
    writeFileSync(
      join(folder, 'both.mjs'),
      `
      import { createRequire } from 'node:module';
      import { dataOf } from '${manifest.name}';
      const require = createRequire(import.meta.url);
      if (require('${manifest.name}').dataOf === dataOf) throw new Error('these are not two builds');
      const { FakeSession } = require('${manifest.name}/testing');
      if (dataOf(new FakeSession({ data: { cart: 1 } })).cart !== 1) throw new Error('the session of one is a stranger to the other');`,
    );
    run(process.execPath, ['both.mjs']);
  });
  check('a Nest 11 app works inside a CommonJS Jest', () => {
    mkdirSync(join(folder, 'test'));
    writeFileSync(join(folder, 'test', 'app.spec.js'), nestSpec());
    run(process.execPath, [join(folder, 'node_modules/jest/bin/jest.js'), '--rootDir', folder]);
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** As the compiler of a Nest 11 starter would write it: decorators as calls, CommonJS. */
function nestSpec() {
  return `
require('reflect-metadata');
const { Controller, Get, Post } = require('@nestjs/common');
const { Test } = require('@nestjs/testing');
${names.map((name) => `require('${name}');`).join('\n')}
const { SessionModule, Session, RequireSession } = require('${manifest.name}');

class AppController {
  async login(session) { await session.login('7', { user: { name: 'Ada' } }); return 'in'; }
  me(user) { return user.name; }
}
Post('login')(AppController.prototype, 'login', Object.getOwnPropertyDescriptor(AppController.prototype, 'login'));
Session()(AppController.prototype, 'login', 0);
Get('me')(AppController.prototype, 'me', Object.getOwnPropertyDescriptor(AppController.prototype, 'me'));
RequireSession()(AppController.prototype, 'me', Object.getOwnPropertyDescriptor(AppController.prototype, 'me'));
Session('user')(AppController.prototype, 'me', 0);
Controller()(AppController);

test('logs in and is remembered', async () => {
  const module = await Test.createTestingModule({
    imports: [SessionModule.forRoot({ secret: 'a secret of at least thirty-two bytes' })],
    controllers: [AppController],
  }).compile();
  const app = module.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  const url = 'http://127.0.0.1:' + app.getHttpServer().address().port;
  try {
    expect((await fetch(url + '/me')).status).toBe(401);
    const login = await fetch(url + '/login', { method: 'POST' });
    const cookie = login.headers.getSetCookie()[0].split(';')[0];
    const me = await fetch(url + '/me', { headers: { cookie } });
    expect(await me.text()).toBe('Ada');
  } finally {
    await app.close();
  }
});
`;
}
