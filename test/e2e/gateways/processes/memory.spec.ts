import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { Jar, post } from '../../../support/app.js';
import { type CompiledLib, compileLib } from '../../../support/compile-lib.js';
import { type GatewayClient, gatewayTransports } from '../../../support/gateway-client.js';
import { WorkerProcess } from '../../../support/worker-process.js';

const { connect } = gatewayTransports.find(({ name }) => name === 'ws')!;
const SCRIPT = join(import.meta.dirname, '../../../support/socket-memory-worker.mjs');
const SOCKETS = 1_000;

let lib: CompiledLib;
let worker: WorkerProcess;
let clients: GatewayClient[] = [];
beforeAll(async () => {
  lib = await compileLib();
});
afterAll(() => lib.remove());
const stop = async (): Promise<void> => {
  for (const client of clients) client.close();
  clients = [];
  await worker.kill();
};
afterEach(stop);

/** Bytes of heap that an idle socket takes, where so many share a session. */
async function heapOfSocket(sessions: 'with' | 'without', sharing: number): Promise<number> {
  worker = new WorkerProcess(SCRIPT, [lib.path, sessions]);
  const url = `http://127.0.0.1:${await worker.hear('port')}`;
  const cookies: string[] = [];
  for (let n = 0; n < SOCKETS / sharing; n += 1) {
    const jar = new Jar();
    await jar.fetch(`${url}/login`, post());
    cookies.push(jar.header);
  }
  const open = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 100) {
      const some = Array.from({ length: 100 }, (_, at) => cookies[(n + at) % cookies.length]!);
      clients.push(...(await Promise.all(some.map((cookie) => connect(url, { cookie })))));
    }
  };
  // What is made once is made before the heap is measured.
  await open(100);
  worker.say('before');
  const before = Number(await worker.hear('before'));
  await open(SOCKETS);
  worker.say('after');
  return (Number(await worker.hear('after')) - before) / SOCKETS;
}

it.each([
  ['of five that share a session', 5],
  ['that is the only one of its session', 1],
])(
  'an idle socket %s takes less than 5 kB of heap more than without a session (#15)',
  async (_, sharing) => {
    const without = await heapOfSocket('without', sharing);
    await stop();
    const more = (await heapOfSocket('with', sharing)) - without;
    expect(more).toBeLessThan(5_000);
  },
  60_000,
);
