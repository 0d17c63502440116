import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { join } from 'node:path';
import { RedisStore } from '../../../lib/stores/redis/index.js';
import { type CompiledLib, compileLib } from '../../support/compile-lib.js';
import { countUpInProcesses } from '../../support/count-up.js';
import { describeWithServer, type SharedServer, uniqueName } from '../../support/servers/available.js';

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
    const store = await countUpInProcesses({
      script: join(import.meta.dirname, 'increment-worker.mjs'),
      args: [lib.path, server.url, prefix, 'counter', String(TIMES)],
      id: 'counter',
      times: TIMES,
      open: async () => new RedisStore({ client, prefix }),
      data: { __keycard: { p: '7' } },
      principal: '7',
    });
    expect(await store.count!({ principal: '7' })).toBe(1);
    await store.clear!();
    client.disconnect();
  }, 60_000);
}

describeWithServer('redis', (server) => counting(server, () => new Redis(server.url)));
describeWithServer('redis-cluster', (server) => counting(server, () => new Cluster(server.addresses)));
