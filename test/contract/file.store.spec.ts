import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { FileStore } from '../../lib/stores/file/file.store.js';
import { storeContract } from '../../lib/testing/store-contract.js';

for (const [name, options] of Object.entries({
  FileStore: {},
  'FileStore without fsync, asynchronous reads': { fsync: false, reads: 'async' },
} as const)) {
  storeContract({
    name,
    create: ({ clock }) => {
      const path = mkdtempSync(join(tmpdir(), 'keycard-files-'));
      const make = (): FileStore => new FileStore({ path, clock, ...options });
      return {
        store: make(),
        reopen: make,
        corrupt: (id, text) => writeFileSync(join(path, `${id}.json`), text),
        close: () => rmSync(path, { recursive: true }),
      };
    },
    runner: { describe, it, expect, beforeEach, afterEach },
  });
}
