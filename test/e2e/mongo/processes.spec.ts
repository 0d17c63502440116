import { join } from 'node:path';
import { afterAll, beforeAll, it } from '@jest/globals';
import { MongoStore } from '../../../lib/stores/mongo/index.js';
import { type CompiledLib, compileLib } from '../../support/compile-lib.js';
import { countUpInProcesses } from '../../support/count-up.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

describeWithServer('mongo', (server) => {
  let lib: CompiledLib;

  beforeAll(async () => {
    lib = await compileLib();
  });
  afterAll(() => lib.remove());

  it.each([
    [true, 1_000, 250],
    [false, 200, 50],
  ])(
    'with stringify %s loses none of %i increments that four processes make',
    async (stringify, _all, times) => {
      const collectionName = uniqueName('processes');
      const store = await countUpInProcesses({
        script: join(import.meta.dirname, 'increment-worker.mjs'),
        args: [lib.path, server.url, collectionName, String(stringify), 'shared', String(times)],
        id: 'shared',
        times,
        open: async () => new MongoStore({ url: server.url, collectionName }),
      });
      await store.clear!();
      await store.close!();
    },
    120_000,
  );
});
