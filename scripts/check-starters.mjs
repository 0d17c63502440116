/**
 * npm run check:starters [-- 11 12]
 *
 * What a new user does, from an empty folder, with the package as it would be published: `nest new`, install, `nest add nestjs-keycard`
 * (twice), a secret in .env, the starter's own tests and those of scripts/starters (Jest on Nest 11, Vitest on Nest 12), the README's app with curl's journey. On Nest 11 (CommonJS) and Nest 12 (ES modules). Needs the npm registry.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../test/support/servers/process.mjs';

const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'keycard-starters-'));
const env = {
  ...process.env,
  NODE_OPTIONS: '',
  NPM_CONFIG_UPDATE_NOTIFIER: 'false',
  NPM_CONFIG_AUDIT: 'false',
  NPM_CONFIG_FUND: 'false',
  CI: 'true',
};
const exec = promisify(execFile);
const wanted = process.argv.slice(2);
const versions = ['11', '12'].filter((version) => wanted.length === 0 || wanted.includes(version));

let failed = 0;
async function check(title, body) {
  const began = performance.now();
  try {
    await body();
    console.log(`ok      ${title} (${Math.round((performance.now() - began) / 1000)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${title}\n${error.stdout ?? ''}${error.stderr ?? ''}${error.message}`);
    throw error;
  }
}

function assert(holds, message) {
  if (!holds) throw new Error(message);
}

/** The first TypeScript block of the README, as somebody would paste it, but for the port. */
function readmeApp() {
  const code = /```ts[^\n]*\n([^]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))[1];
  assert(code.includes('listen(3000)'), "the README's app no longer listens on 3000");
  return code.replace('listen(3000)', "listen(Number(process.env.PORT), '127.0.0.1')");
}

async function answers(url, child) {
  for (let i = 0; i < 150 && child.exitCode === null; i += 1) {
    try {
      return await fetch(url);
    } catch {
      // Not listening yet.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error('the app did not start');
}

async function journey(base, child) {
  assert((await answers(`${base}/dashboard`, child)).status === 401, 'the dashboard is open to anybody');
  const login = await fetch(`${base}/login`, { method: 'POST', body: new URLSearchParams({ name: 'Ada' }) });
  const [line = ''] = login.headers.getSetCookie();
  assert(
    /^sid=s%3A[^;]+; Path=\/; HttpOnly; SameSite=Lax$/.test(line),
    `the login set ${line.replace(/=[^;]+/, '=…') || 'no cookie'}`,
  );
  const headers = { cookie: line.split(';')[0] };
  assert((await (await fetch(`${base}/dashboard`, { headers })).text()) === 'Welcome Ada, visit 1', 'no welcome');
  assert(
    (await (await fetch(`${base}/dashboard`, { headers })).text()) === 'Welcome Ada, visit 2',
    'the visits are not counted',
  );
  const logout = await fetch(`${base}/logout`, { method: 'POST', headers });
  assert(
    /^sid=; .*Expires=Thu, 01 Jan 1970/.test(logout.headers.getSetCookie()[0] ?? ''),
    'the logout left the cookie in the browser',
  );
  assert((await fetch(`${base}/dashboard`, { headers })).status === 401, 'the logout left the session');
}

/** ES modules in either starter: on Nest 11 the app's build of this package is then the other one. */
const KIT = `
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FakeSession, sessionTesting } from 'nestjs-keycard/testing';
const { AppModule } = await import('./dist/app.module.js');
const app = await NestFactory.create(AppModule, { logger: ['error'] });
await app.init();
const sessions = sessionTesting(app);
const found = await sessions.read(await sessions.cookieFor({ principal: 7, data: { cart: ['apple'] } }));
await app.close();
const fake = new FakeSession({ data: { cart: ['apple'] } });
console.log(JSON.stringify([found.info.principal, found.data, fake.cart]));
`;

async function starter(version, tarball) {
  const title = (what) => `Nest ${version}: ${what}`;
  const app = join(folder, `nest-${version}`);
  const run = (command, ...args) => exec(command, args, { cwd: app, env, maxBuffer: 64 << 20 });
  const read = (path) => readFileSync(join(app, path), 'utf8');

  await check(title('nest new'), async () => {
    await exec(
      'npx',
      [
        '-y',
        `@nestjs/cli@${version}`,
        'new',
        `nest-${version}`,
        '--skip-git',
        '--skip-install',
        '--package-manager',
        'npm',
        '--language',
        'ts',
      ],
      { cwd: folder, env },
    );
    const major = /\d+/.exec(JSON.parse(read('package.json')).dependencies['@nestjs/core'])[0];
    assert(major === version, `the starter is one of Nest ${major}`);
  });
  await check(title('npm install, with the packed tarball'), () => run('npm', 'install', tarball));
  await check(title('nest add nestjs-keycard, twice'), async () => {
    await run('npx', 'nest', 'add', 'nestjs-keycard', '--skip-install');
    const files = ['src/app.module.ts', '.env.example', 'src/session.d.ts', '.env', '.gitignore'];
    const first = files.map(read);
    assert(first[0].includes('SessionModule.forRootAsync'), 'src/app.module.ts does not import SessionModule');
    assert(first[1].includes('SESSION_SECRET='), '.env.example has no SESSION_SECRET');
    assert(/^SESSION_SECRET=[\w-]{43}$/m.test(first[3]), '.env has no secret');
    await run('npx', 'nest', 'add', 'nestjs-keycard', '--skip-install');
    assert(JSON.stringify(files.map(read)) === JSON.stringify(first), 'the second run changed something');
  });
  // The same files in both: CommonJS is written without the extension.
  for (const [file, to] of [
    ['tour.ts', 'src/tour.ts'],
    ['tour.spec.ts', 'src/tour.spec.ts'],
    ['tour.e2e-spec.ts', 'test/tour.e2e-spec.ts'],
  ]) {
    const code = readFileSync(join(root, 'scripts/starters', file), 'utf8');
    writeFileSync(join(app, to), version === '11' ? code.replace(/(from '\.[^']*)\.js'/g, "$1'") : code);
  }
  await check(title("npm test, with a tour's unit tests"), () => run('npm', 'test'));
  await check(title("npm run test:e2e, with a tour's"), () => run('npm', 'run', 'test:e2e'));
  writeFileSync(join(app, 'src/readme.ts'), readmeApp());
  await check(title("npm run build, with the README's app"), () => run('npm', 'run', 'build'));
  await check(title('the app reads SESSION_SECRET of .env'), async () => {
    const before = read('.env');
    writeFileSync(join(app, '.env'), 'SESSION_SECRET=short\n');
    const start = execFile(process.execPath, ['dist/main.js'], {
      cwd: app,
      env: { ...env, NODE_ENV: 'production', PORT: '0' },
    });
    const said = (await Promise.all([start.stdout.toArray(), start.stderr.toArray()])).flat().join('');
    writeFileSync(join(app, '.env'), before);
    assert(said.includes('"secret" got one of 5 bytes'), `it said ${said}`);
  });
  writeFileSync(join(app, 'kit.mjs'), KIT);
  await check(title("nestjs-keycard/testing on the starter's own app"), async () => {
    const { stdout } = await run(process.execPath, 'kit.mjs');
    assert(stdout.trim() === '["7",{"cart":["apple"]},["apple"]]', `it said ${stdout}`);
  });
  await check(title("the README's app: log in, come back, log out"), async () => {
    const port = await freePort();
    const child = spawn(process.execPath, [join(app, 'dist/readme.js')], {
      cwd: app,
      env: { ...env, PORT: String(port), SESSION_SECRET: randomBytes(32).toString('base64') },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    try {
      await journey(`http://127.0.0.1:${port}`, child);
    } finally {
      child.kill();
    }
  });
}

try {
  execFileSync(process.execPath, [join(root, 'scripts/build.mjs')], { cwd: root, env, stdio: 'inherit' });
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      cwd: root,
      env,
      encoding: 'utf8',
    }),
  );
  await Promise.allSettled(versions.map((version) => starter(version, join(folder, packed.filename))));
} finally {
  if (process.env.KEEP) console.log(`Left in ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;
