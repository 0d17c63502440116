import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { Jar, post } from '../../../support/app.js';
import { type CompiledLib, compileLib } from '../../../support/compile-lib.js';
import { type GatewayClient, gatewayTransports } from '../../../support/gateway-client.js';
import { describeWithServer, type SharedServer, uniqueName } from '../../../support/servers/available.js';
import { WorkerProcess } from '../../../support/worker-process.js';

const { connect } = gatewayTransports.find(({ name }) => name === 'ws')!;
const SCRIPT = join(import.meta.dirname, '../../../support/gateway-worker.mjs');
const PROCESSES = 4;
const SOCKETS = 8;
const MESSAGES = 2_000;
const REQUESTS = 200;

function countsAll(name: 'redis' | 'postgres', server: SharedServer): void {
  let lib: CompiledLib;
  const workers: WorkerProcess[] = [];
  const clients: GatewayClient[] = [];
  beforeAll(async () => {
    lib = await compileLib();
  });
  afterAll(() => lib.remove());
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const worker of workers.splice(0)) {
      worker.say('end');
      await worker.end();
    }
  });

  it('2,000 messages over 8 sockets of one session in 4 processes, and HTTP requests: every update() counts (#15)', async () => {
    const args = [lib.path, name, server.url, uniqueName('counting')];
    // The first makes the table, if there is one to make.
    for (let n = 0; n < PROCESSES; n += 1) workers.push(new WorkerProcess(SCRIPT, args));
    const urls = await Promise.all(workers.map(async (worker) => `http://127.0.0.1:${await worker.hear('port')}`));
    const jar = new Jar();
    await jar.fetch(`${urls[0]}/login`, post());
    for (let n = 0; n < SOCKETS; n += 1) clients.push(await connect(urls[n % PROCESSES]!, { cookie: jar.header }));
    const talk = async (client: GatewayClient): Promise<void> => {
      for (let n = 0; n < MESSAGES / SOCKETS; n += 1) expect((await client.ask('count')).exception).toBeUndefined();
    };
    const ask = async (url: string): Promise<void> => {
      for (let n = 0; n < REQUESTS / PROCESSES; n += 1)
        expect((await jar.fetch(`${url}/count`, post())).status).toBe(201);
    };
    await Promise.all([...clients.map(talk), ...urls.map(ask)]);
    const last = (await (await jar.fetch(`${urls[0]}/count`, post())).json()) as { count: number };
    expect(last.count).toBe(MESSAGES + REQUESTS + 1);
  }, 120_000);
}

describeWithServer('redis', (server) => countsAll('redis', server));
describeWithServer('postgres', (server) => countsAll('postgres', server));
