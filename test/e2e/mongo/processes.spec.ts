import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { MongoStore } from '../../../lib/stores/mongo/index.js';
import { type CompiledLib, compileLib } from '../../support/compile-lib.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

const PROCESSES = 4;

describeWithServer('mongo', (server) => {
  let lib: CompiledLib;

  beforeAll(async () => {
    lib = await compileLib();
  });
  afterAll(() => lib.remove());

  const message = async (worker: ChildProcess): Promise<unknown> =>
    (
      (await Promise.race([
        once(worker, 'message'),
        once(worker, 'exit').then(([code]) => Promise.reject(new Error(`The worker ended with ${code}.`))),
      ])) as [unknown]
    )[0];

  for (const [stringify, times] of [
    [true, 250],
    [false, 50],
  ] as const) {
    it(`loses none of ${PROCESSES * times} increments that four processes make, with stringify ${stringify}`, async () => {
      const collectionName = uniqueName('processes');
      const script = join(import.meta.dirname, 'increment-worker.mjs');
      const args = [lib.path, server.url, collectionName, String(stringify), 'shared', String(times)];
      const workers = Array.from({ length: PROCESSES }, () => fork(script, args, { execArgv: ['--no-warnings'] }));
      await Promise.all(workers.map(message));

      const store = new MongoStore({ url: server.url, collectionName });
      await store.create('shared', { text: '{"views":0}', expiresAt: Date.now() + 3_600_000 });
      const reports = workers.map(message);
      for (const worker of workers) worker.send('go');
      const conflicts = (await Promise.all(reports)) as { conflicts: number }[];

      expect(JSON.parse((await store.load('shared'))!.text)).toEqual({ views: PROCESSES * times });
      // Each process met the others: without that, the count would prove nothing.
      for (const report of conflicts) expect(report.conflicts).toBeGreaterThan(0);
      await store.clear();
      await store.close();
    }, 120_000);
  }
});
