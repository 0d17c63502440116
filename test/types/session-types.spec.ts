import type { Type } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Jar, post, startApp, type TestApp } from '../support/app.js';

const root = join(import.meta.dirname, '..', '..');

/** What tsc says of a project; nothing where it is content. */
async function check(project: string): Promise<string> {
  const args = [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '--noEmit', '-p', project];
  return promisify(execFile)(process.execPath, args, { cwd: root, env: { ...process.env, NODE_OPTIONS: '' } }).then(
    () => '',
    (error: { stdout: string }) => error.stdout,
  );
}

describe('types, under tsc', () => {
  it('of declared data: keys are typed, in the session and in decorators, and a typo fails', async () => {
    expect(await check(join(import.meta.dirname, 'merged'))).toBe('');
  }, 120_000);

  it('without declared data: everything compiles', async () => {
    expect(await check(join(import.meta.dirname, 'undeclared'))).toBe('');
  }, 120_000);

  it.each(['express', 'express-session', 'fastify'])(
    'of req.session, wherever an app reads it, also where libraries are checked: %s (#16.1)',
    async (project) => {
      expect(await check(join(import.meta.dirname, 'requests', project))).toBe('');
    },
    120_000,
  );

  it('are what makes the typo fail: without the comments that expect it, tsc names each', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'keycard-types-'));
    const source = await readFile(join(import.meta.dirname, 'merged', 'app.controller.ts'), 'utf8');
    const expected = source.match(/@ts-expect-error/g)!.length;
    await writeFile(join(folder, 'app.controller.ts'), source.replace(/\/\/ @ts-expect-error.*/g, ''));
    const config = {
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        paths: { '*': [join(root, 'node_modules', '*')], 'nestjs-keycard': [join(root, 'lib', 'index.ts')] },
        typeRoots: [join(root, 'node_modules', '@types')],
      },
      include: ['.'],
      exclude: [],
    };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    const said = await check(folder);
    await rm(folder, { recursive: true });
    expect(said).toMatch(/Property 'usr' does not exist/);
    expect(said).toMatch(/Property 'nmae' does not exist/);
    expect(said.match(/error TS/g)!.length).toBeGreaterThanOrEqual(expected);
  }, 120_000);
});

describe('the same source, under swc', () => {
  let server: TestApp;
  beforeAll(async () => {
    // By a name that tsc doesn't follow: what is merged there would hold for every other test.
    const path = join(import.meta.dirname, 'merged', 'app.controller.ts');
    const { AppController } = (await import(path)) as { AppController: Type };
    server = await startApp([AppController]);
  });
  afterAll(() => server.close());

  it('runs', async () => {
    const jar = new Jar();
    expect((await jar.fetch(`${server.url}/dashboard`)).status).toBe(401);
    expect((await jar.fetch(`${server.url}/required`)).status).toBe(302);
    expect(await (await jar.fetch(`${server.url}/login`, post({ name: 'Ann' }))).text()).toBe('Ann');
    expect(await (await jar.fetch(`${server.url}/dashboard`)).text()).toBe('Welcome Ann');
    expect(await (await jar.fetch(`${server.url}/views`)).text()).toBe('0');
    expect(await (await jar.fetch(`${server.url}/piped`)).text()).toBe('2');
    expect(await (await jar.fetch(`${server.url}/required`)).text()).toBe('inside');
  });
});
