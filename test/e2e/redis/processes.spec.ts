import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { RedisStore } from '../../../lib/stores/redis/index.js';
import { type CompiledLib, compileLib } from '../../support/compile-lib.js';
import { describeWithServer, type SharedServer, uniqueName } from '../../support/servers/available.js';

const WORKER = join(import.meta.dirname, 'increment-worker.mjs');
const PROCESSES = 4;
const TIMES = 250;

function counting(server: SharedServer, connect: () => Redis | Cluster): void {
  let lib: CompiledLib;

  beforeAll(async () => {
    lib = await compileLib();
  });
  afterAll(() => lib.remove());

  it('loses none of 1 000 increments of one key by 4 processes', async () => {
    const client = connect();
    const prefix = `${uniqueName()}:`;
    const store = new RedisStore({ client, prefix });
    const text = JSON.stringify({ cookie: {}, views: 0, __keycard: { p: '7' } });
    await store.create('counter', { text, expiresAt: Date.now() + 60_000, principal: '7' });

    const workers = Array.from({ length: PROCESSES }, () =>
      fork(WORKER, [lib.path, server.url, prefix, String(TIMES)], {
        execArgv: [],
        env: { ...process.env, NODE_OPTIONS: '' },
      }),
    );
    try {
      await Promise.all(workers.map((worker) => once(worker, 'message')));
      const results = workers.map((worker) => once(worker, 'message'));
      for (const worker of workers) worker.send('go');
      const conflicts = (await Promise.all(results)).map(([result]) => (result as { conflicts: number }).conflicts);
      expect((JSON.parse((await store.load('counter'))!.text) as { views: number }).views).toBe(PROCESSES * TIMES);
      // Each process met another one: the work did overlap.
      for (const count of conflicts) expect(count).toBeGreaterThan(0);
      expect(await store.count({ principal: '7' })).toBe(1);
    } finally {
      for (const worker of workers) worker.kill();
      await store.clear();
      client.disconnect();
    }
  }, 60_000);
}

describeWithServer('redis', (server) => counting(server, () => new Redis(server.url)));
describeWithServer('redis-cluster', (server) => counting(server, () => new Cluster(server.addresses)));
