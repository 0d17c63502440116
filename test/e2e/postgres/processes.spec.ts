import { join } from 'node:path';
import { afterAll, beforeAll, it } from '@jest/globals';
import { PostgresStore } from '../../../lib/stores/postgres/index.js';
import { type CompiledLib, compileLib } from '../../support/compile-lib.js';
import { countUpInProcesses } from '../../support/count-up.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

const TIMES = 250;

describeWithServer('postgres', (server) => {
  const tableName = uniqueName('processes');
  let lib: CompiledLib;

  beforeAll(async () => {
    lib = await compileLib();
  });
  afterAll(() => lib.remove());

  it('loses none of 1,000 increments that four processes make, all of which open the missing table at once', async () => {
    const store = await countUpInProcesses({
      script: join(import.meta.dirname, 'increment-worker.mjs'),
      args: [lib.path, server.url, tableName, 'shared', String(TIMES)],
      id: 'shared',
      times: TIMES,
      open: async () => new PostgresStore({ connectionString: server.url, tableName, pruneInterval: false }),
    });
    await store.clear!();
    await store.close!();
  }, 60_000);
});
