import { randomBytes } from 'node:crypto';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type CompiledLib, compileLib } from '../../support/compile-lib.js';

const script = join(import.meta.dirname, '../../support/cluster-app.mjs');

let lib: CompiledLib;
beforeAll(async () => void (lib = await compileLib()));
afterAll(() => lib.remove());

it.each([
  ['default', 2],
  ['given', 2],
  ['express', 2],
  ['alone', 0],
])('#13.24 a MemoryStore warns once in each worker of a cluster: %s', async (kind, times) => {
  const env = { ...process.env, NODE_OPTIONS: '', TEST_SECRET: randomBytes(32).toString('base64') };
  const { stdout } = await promisify(execFile)(process.execPath, [script, lib.path, kind], { env, timeout: 30_000 });
  expect(
    stdout.split('\n').filter((line) => line.includes('MemoryStore, but this process is one of several')),
  ).toHaveLength(times);
});
