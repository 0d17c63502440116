import { expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { compileLib } from '../../support/compile-lib.js';

it('gives child processes a lib/ that plain Node runs, and removes it', async () => {
  const lib = await compileLib();
  const script = `import { MemoryStore } from ${JSON.stringify(join(lib.path, 'stores/memory.store.js'))};
    const store = new MemoryStore();
    await store.create('x', { text: '{}', expiresAt: Date.now() + 60_000 });
    console.log((await store.load('x')).text);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  expect(stdout).toBe('{}\n');
  await lib.remove();
  expect(existsSync(lib.path)).toBe(false);
});
