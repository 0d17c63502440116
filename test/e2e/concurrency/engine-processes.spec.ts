import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FileStore } from 'nestjs-keycard';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { SessionManager } from '../../../lib/session-manager.js';
import { Jar, SECRET, startApp, type TestApp } from '../../support/app.js';
import { type CompiledLib, compileLib } from '../../support/compile-lib.js';
import { scripted } from '../../support/scripted.js';
import { WorkerProcess } from '../../support/worker-process.js';

const SCRIPT = join(import.meta.dirname, '../..', 'support', 'engine-worker.mjs');
const NAMES = ['a', 'b', 'c', 'd'];

const controller = scripted({
  start: (session) => {
    session.count = 0;
    return session.id;
  },
  meet: (session) => void (session.met = true),
  logout: (session) => session.destroy(),
});

/** A session that this process began over HTTP, and four other processes on the same folder. */
describe('the engine in four processes on one folder', () => {
  let lib: CompiledLib;
  let path: string;
  let store: FileStore;
  let server: TestApp;
  let workers: WorkerProcess[];
  let jar: Jar;
  let id: string;

  beforeAll(async () => {
    lib = await compileLib();
  });
  afterAll(() => lib.remove());
  beforeEach(async () => {
    path = mkdtempSync(join(tmpdir(), 'keycard-engine-'));
    store = new FileStore({ path, pruneInterval: false, fsync: false });
    server = await startApp([controller], { store });
    jar = new Jar();
    id = await (await jar.fetch(`${server.url}/s/start`)).text();
  });
  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.kill()));
    await server.close();
    rmSync(path, { recursive: true });
  });

  const run = async (job: string, times: number): Promise<void> => {
    workers = NAMES.map((name) => new WorkerProcess(SCRIPT, [lib.path, path, job, id, name, String(times)]));
    for (const worker of workers) await worker.hear('ready');
    for (const worker of workers) worker.say('go');
  };
  /** All have read the session, it is changed, and only then they go on: each of them meets at least one conflict. */
  const meet = async (): Promise<void> => {
    for (const worker of workers) await worker.hear('read');
    expect((await jar.fetch(`${server.url}/s/meet`)).status).toBe(200);
    for (const worker of workers) worker.say('go');
  };
  const counted = (what: string): Promise<number[]> =>
    Promise.all(workers.map(async (worker) => Number(await worker.hear(what))));
  const data = async (): Promise<Record<string, unknown>> => {
    const manager = new SessionManager(resolveOptions({ secret: SECRET }), store);
    return (await manager.open(id))!.values();
  };

  it('makes 1,000 increments of one key by update(), and all 1,000 are there', async () => {
    await run('increment', 250);
    await meet();
    const conflicts = await counted('conflicts');
    expect(await data()).toEqual({ count: 1_000, met: true });
    expect(Math.min(...conflicts)).toBeGreaterThan(0);
  }, 120_000);

  it('makes 400 changes of different keys by save(), and all 400 are there', async () => {
    await run('keys', 100);
    await meet();
    const conflicts = await counted('conflicts');
    expect(Object.keys(await data()).length).toBe(402);
    expect(Math.min(...conflicts)).toBeGreaterThan(0);
  }, 120_000);

  it('brings no session back that was logged out over HTTP while four changes of it were under way', async () => {
    await run('late', 1);
    for (const worker of workers) await worker.hear('read');
    expect((await jar.fetch(`${server.url}/s/logout`)).status).toBe(200);
    for (const worker of workers) worker.say('go');
    expect(await Promise.all(workers.map((worker) => worker.hear('result')))).toEqual([
      'ENDED',
      'ENDED',
      'ENDED',
      'ENDED',
    ]);
    expect(await counted('gone')).toEqual([1, 1, 1, 1]);
    expect(await store.count()).toBe(0);
  });
});
