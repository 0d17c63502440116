import { execFile } from 'node:child_process';
import { cp, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { compileLib, type CompiledLib } from '../../support/compile-lib.js';

const root = join(import.meta.dirname, '../..', '..');

describe('a CommonJS file that gives the module on, imported by ESM (#13.28)', () => {
  let lib: CompiledLib;
  let folder: string;

  beforeAll(async () => {
    lib = await compileLib('commonjs');
    folder = dirname(lib.path);
    // As scripts/build.mjs does.
    const express = join(lib.path, 'express');
    await rename(join(express, 'index.js'), join(express, 'exports.js'));
    await cp(join(root, 'scripts', 'express-cjs', 'index.js'), join(express, 'index.js'));
  });
  afterAll(() => lib.remove());

  /** What a child process sees of `module`, given on. */
  const seen = async (module: string): Promise<{ names: string[]; same: boolean; starts: string }> => {
    await writeFile(join(folder, 'on.cjs'), `module.exports = require('${module}');\n`);
    await writeFile(
      join(folder, 'see.mjs'),
      `import { createRequire } from 'node:module';
      import session, { Cookie, MemoryStore, Session, Store } from './on.cjs';
      import * as all from './on.cjs';
      const given = createRequire(import.meta.url)('${module}');
      const same = session === given && Object.entries({ Cookie, MemoryStore, Session, Store }).every(([name, it]) => it === given[name]);
      const options = { secret: 'keyboard cat', resave: false, saveUninitialized: false, store: new MemoryStore() };
      console.log(JSON.stringify({ names: Object.keys(all), same, starts: typeof session(options) }));`,
    );
    const env = { ...process.env, NODE_OPTIONS: '' };
    return JSON.parse((await promisify(execFile)(process.execPath, ['see.mjs'], { cwd: folder, env })).stdout);
  };

  it.each(['express-session', './lib/express/index.js'])('has its names: %s', async (module) => {
    const { names, same, starts } = await seen(module);
    expect(names).toEqual(expect.arrayContaining(['Cookie', 'MemoryStore', 'Session', 'Store', 'default']));
    expect([same, starts]).toEqual([true, 'function']);
  });

  it('has all names of nestjs-keycard/express', async () => {
    const exported = JSON.parse(await readFile(join(root, 'test', 'exports.json'), 'utf8')) as Record<string, string[]>;
    const { names } = await seen('./lib/express/index.js');
    const odd = new Set(['__esModule', 'module.exports']);
    expect(names.filter((name) => !odd.has(name)).sort()).toEqual(exported['nestjs-keycard/express']);
  });
});
