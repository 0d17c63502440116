import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Jar, post } from '../../support/app.js';
import { compileLib, type CompiledLib } from '../../support/compile-lib.js';

const THEIRS = "import session from 'express-session';";
const OURS = "import session from 'nestjs-keycard/express';";
const file = join(import.meta.dirname, 'same-app', 'app.mjs');

interface Running {
  readonly url: string;
  readonly child: ChildProcess;
}

async function start(path: string): Promise<Running> {
  const child = spawn(process.execPath, [path], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (data: Buffer) => resolve(String(data).trim()));
    child.once('exit', (code) => reject(new Error(`The app ended with ${code} before it listened.`)));
  });
  return { url: `http://127.0.0.1:${port}`, child };
}

/** What a visitor sees, with the parts that differ from run to run made alike. */
async function visit(url: string): Promise<unknown[]> {
  const jar = new Jar();
  const seen: unknown[] = [];
  let id = '';
  const step = async (path: string, init: RequestInit = {}, clearedBy?: 'ours') => {
    const answer = await jar.fetch(url + path, init);
    const cookies = jar.last.map((each) =>
      each
        .replace(/=s%3A[^;]+/, '=card')
        .replace(
          /Expires=[^;]+/,
          (end) => `Expires in ${Math.round((Date.parse(end.slice(8)) - Date.now()) / 60_000)} min`,
        ),
    );
    const before = id;
    id = jar.header;
    const changed = before !== id && id !== '' && before !== '';
    // The one difference that a visitor can see: ours clears the cookie of a session that has ended.
    const shown = clearedBy === 'ours' ? cookies.filter((each) => !each.startsWith('shop.sid=;')) : cookies;
    seen.push({
      path,
      status: answer.status,
      location: answer.headers.get('location'),
      body: await answer.text(),
      cookies: shown,
      newId: clearedBy === 'ours' ? undefined : changed,
    });
    if (clearedBy === 'ours') jar.cookies.clear();
    id = jar.header;
  };
  await step('/');
  await step('/cart', post({ item: 'book' }));
  await step('/cart', post({ item: 'pen' }));
  await step('/');
  await step('/fresh');
  await step('/login', post({ name: 'Ann', remember: true }));
  await step('/');
  await step('/notes');
  await step('/notes');
  await step('/count');
  await step('/logout', post(), 'ours');
  await step('/count');
  await step('/');
  await step('/cart', post({ item: 'cup' }));
  await step('/forget', post(), 'ours');
  await step('/count');
  await step('/fresh');
  jar.cookies.clear();
  await step('/cart', {
    ...post({ item: 'tea' }),
    headers: { 'content-type': 'application/json', 'x-forwarded-proto': 'https' },
  });
  return seen;
}

describe('the same app file', () => {
  let lib: CompiledLib;
  const running: Running[] = [];

  beforeAll(async () => {
    lib = await compileLib();
  });
  afterAll(async () => {
    for (const { child } of running) child.kill();
    await lib.remove();
  });

  it('runs on express-session and on nestjs-keycard/express by changing the import alone', async () => {
    const source = await readFile(file, 'utf8');
    expect(source.split(THEIRS)).toHaveLength(2);
    const folder = dirname(lib.path);
    await writeFile(
      join(folder, 'package.json'),
      JSON.stringify({ name: 'nestjs-keycard', type: 'module', exports: { './express': './lib/express/index.js' } }),
    );
    await writeFile(join(folder, 'theirs.mjs'), source);
    await writeFile(join(folder, 'ours.mjs'), source.replace(THEIRS, OURS));
    running.push(await start(join(folder, 'theirs.mjs')), await start(join(folder, 'ours.mjs')));
    const [theirs, ours] = await Promise.all(running.map(({ url }) => visit(url)));
    expect(theirs).toHaveLength(18);
    expect(theirs!.filter((each) => (each as { status: number }).status === 500)).toHaveLength(1);
    expect(ours).toEqual(theirs);
  });
});
