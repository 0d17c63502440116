import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { compileLib } from '../../support/compile-lib.js';

const SCRIPT = join(import.meta.dirname, '../..', 'support', 'file-store', 'calls.mjs');

let path: string;
let calls: Record<'create' | 'load' | 'replace' | 'destroy', string[]>;

beforeAll(async () => {
  path = mkdtempSync(join(tmpdir(), 'keycard-calls-'));
  const lib = await compileLib();
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, lib.path, path]);
  calls = JSON.parse(stdout) as typeof calls;
  await lib.remove();
});
afterAll(() => rmSync(path, { recursive: true }));

describe('the system calls of the file store', () => {
  it('list no folder on a request', () => {
    for (const made of Object.values(calls)) {
      expect(made.length).toBeGreaterThan(0);
      expect(made.filter((call) => /dir/.test(call))).toEqual([]);
    }
  });

  it('open one file on a load', () => {
    expect(calls.load).toEqual(['openSync']);
  });

  it('bring the content to the disk before its name, and the name before they answer', () => {
    const writes = (made: string[]): string[] => made.filter((call) => call !== 'openSync');
    expect(writes(calls.create)).toEqual(['fdatasync', 'linkSync', 'fsync']);
    expect(writes(calls.replace)).toEqual(['fdatasync', 'linkSync', 'renameSync', 'fsync']);
    expect(writes(calls.destroy)).toEqual(['linkSync', 'renameSync', 'fsync']);
  });
});
