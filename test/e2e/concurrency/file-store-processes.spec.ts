import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { FileStore } from '../../../lib/stores/file/file.store.js';
import type { SessionRecord } from '../../../lib/stores/session-store.js';
import { type CompiledLib, compileLib } from '../../support/compile-lib.js';
import { WorkerProcess } from '../../support/worker-process.js';

const SCRIPT = join(import.meta.dirname, '../..', 'support', 'file-store', 'worker.mjs');

let lib: CompiledLib;
let path: string;
let store: FileStore;
let workers: WorkerProcess[];
let nonce = 0;

function start(job: string, options: object = {}): WorkerProcess {
  const worker = new WorkerProcess(SCRIPT, [lib.path, path, job, JSON.stringify(options)]);
  workers.push(worker);
  return worker;
}

function recordOf(data: object, expiresAt = Date.now() + 86_400_000): SessionRecord {
  const text = JSON.stringify({ cookie: { originalMaxAge: 86_400_000 }, ...data, __keycard: { v: 1, n: ++nonce } });
  return { text, expiresAt };
}

async function dataOf(id: string): Promise<Record<string, unknown> | undefined> {
  const found = await store.load(id);
  return found && (JSON.parse(found.text) as Record<string, unknown>);
}

const ours = (folder: string): string[] => readdirSync(join(path, '.keycard', folder));

beforeAll(async () => {
  lib = await compileLib();
});
afterAll(() => lib.remove());
beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), 'keycard-processes-'));
  workers = [];
  store = new FileStore({ path, pruneInterval: false });
  await store.open();
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.kill()));
  await store.close();
  rmSync(path, { recursive: true });
});

/** Lets them go, and gives each one's conflicts: the session is changed once while all hold what they read, so that each has one. */
async function raceOf(four: readonly WorkerProcess[]): Promise<number[]> {
  for (const worker of four) await worker.hear('ready');
  const { cookie, __keycard, ...data } = (await dataOf('shared'))!;
  expect(await store.replace('shared', recordOf(data), (await store.load('shared'))!.revision)).toBe('ok');
  for (const worker of four) worker.say('go');
  return Promise.all(four.map(async (worker) => Number(await worker.hear('conflicts'))));
}

describe('four processes on one folder', () => {
  it('make 1,000 increments of one key, and all 1,000 are there', async () => {
    await store.create('shared', recordOf({ views: 0 }));
    const four = [1, 2, 3, 4].map(() => start('increment', { id: 'shared', times: 250 }));
    const conflicts = await raceOf(four);
    expect(await dataOf('shared')).toMatchObject({ views: 1000 });
    expect(Math.min(...conflicts)).toBeGreaterThan(0);
    expect([ours('tmp'), ours('claims')]).toEqual([[], []]);
  }, 120_000);

  it('make 400 increments if two of them, as on Windows, can make no symbolic links', async () => {
    await store.create('shared', recordOf({ views: 0 }));
    const job = { id: 'shared', times: 100, fsync: false };
    const four = [true, true, false, false].map((noSymlinks) => start('increment', { ...job, noSymlinks }));
    const conflicts = await raceOf(four);
    expect(await dataOf('shared')).toMatchObject({ views: 400 });
    expect(Math.min(...conflicts)).toBeGreaterThan(0);
    expect([ours('tmp'), ours('claims')]).toEqual([[], []]);
  }, 60_000);

  it('make 2,000 changes of different keys of one session, and none is lost', async () => {
    await store.create('shared', recordOf({}));
    const four = ['a', 'b', 'c', 'd'].map((name) => start('keys', { id: 'shared', name, times: 500, fsync: false }));
    const conflicts = await raceOf(four);
    const { cookie, __keycard, ...data } = (await dataOf('shared'))!;
    expect(Object.keys(data).length).toBe(2000);
    expect(Math.min(...conflicts)).toBeGreaterThan(0);
  }, 120_000);

  it('bring no session back in 200 rounds of a logout that meets a change in flight', async () => {
    const four = [1, 2, 3, 4].map(() => start('late', { fsync: false }));
    let gone = 0;
    for (let round = 0; round < 50; round++) {
      await Promise.all(
        four.map(async (worker, n) => {
          const id = `s${round}-${n}`;
          await store.create(id, recordOf({}));
          worker.say(id);
          // It has read the session by now, and its change comes after the logout.
          await worker.hear(`loaded-${round}`);
          expect(await store.destroy(id)).toBe('ok');
          worker.say('go');
          if ((await worker.hear(`replaced-${round}`)) === 'gone') gone += 1;
          expect(await store.load(id)).toBeUndefined();
        }),
      );
    }
    expect(gone).toBe(200);
    expect(readdirSync(path)).toEqual(['.keycard']);
  }, 60_000);

  it('create and end sessions of one principal, and none is missing from its list', async () => {
    const four = ['a', 'b', 'c', 'd'].map((name) => start('principal', { name, times: 30 }));
    for (const worker of four) await worker.hear('ready');
    for (const worker of four) worker.say('go');
    for (const worker of four) await worker.hear('done');
    const listed: string[] = [];
    for await (const { id } of store.list({ principal: 'shared' })) listed.push(id);
    const kept = ['a', 'b', 'c', 'd'].flatMap((name) => Array.from({ length: 10 }, (_, n) => `${name}-${n * 3}`));
    expect(listed.sort()).toEqual(kept.sort());
  }, 60_000);
});

describe('a process that is killed while it writes', () => {
  it('50 times over, leaves only files that parse, loses nothing acknowledged, and what it left behind is tidied', async () => {
    let abandoned = 0;
    let acknowledged = 0;
    for (let round = 0; round < 50; round++) {
      const worker = start('write', { name: `r${round}` });
      await worker.hear('created');
      await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 40));
      await worker.kill();
      abandoned += ours('tmp').length + ours('claims').length;
      acknowledged += worker.lines.length;

      for (const file of readdirSync(path))
        if (file.endsWith('.json')) JSON.parse(readFileSync(join(path, file), 'utf8'));
      const said = new Map<string, number | 'destroyed'>();
      for (const line of worker.lines) {
        const [what, id, views] = line.split(' ');
        said.set(id!, what === 'destroyed' ? 'destroyed' : Number(views ?? 0));
      }
      const last = [...said.keys()].at(-1);
      for (const [id, state] of said) {
        const data = await dataOf(id);
        if (state === 'destroyed') expect(data).toBeUndefined();
        // Of the last one, a step may have been done that was not yet acknowledged.
        else if (id !== last) expect(data).toMatchObject({ views: 4 });
        else if (data !== undefined) expect([state, state + 1]).toContain(data['views']);
        else expect(state).toBe(4);
      }
      const listed: string[] = [];
      for await (const session of store.list({ principal: 'writer' })) listed.push(session.id);
      const live: string[] = [];
      for await (const session of store.list()) live.push(session.id);
      expect(listed).toEqual(live);
      for (const id of live) await store.destroy(id);
    }
    expect(acknowledged).toBeGreaterThan(50);
    expect(abandoned).toBeGreaterThan(0);
    await new FileStore({ path, pruneInterval: false }).open();
    expect([ours('tmp'), ours('claims')]).toEqual([[], []]);
  }, 120_000);

  it('between its claim and its rename, has what it claimed carried out by the next writer', async () => {
    await store.create('x', recordOf({ by: 'nobody' }));
    const { revision } = (await store.load('x'))!;
    const signal = { call: 'renameSync', path: 'x.json', signal: 'SIGKILL' };
    await start('replace', { id: 'x', data: { by: 'worker' }, signal }).end();
    expect(ours('claims').length).toBe(1);
    expect(await dataOf('x')).toMatchObject({ by: 'nobody' });
    expect(await store.replace('x', recordOf({ by: 'us' }), revision)).toBe('conflict');
    expect(await dataOf('x')).toMatchObject({ by: 'worker' });
    expect(await store.replace('x', recordOf({ by: 'us' }), (await store.load('x'))!.revision)).toBe('ok');
    expect([ours('tmp'), ours('claims')]).toEqual([[], []]);
  });

  it('between its claim and its rename, has what it claimed carried out by the next open', async () => {
    await store.create('x', recordOf({ by: 'nobody' }));
    const signal = { call: 'renameSync', path: 'x.json', signal: 'SIGKILL' };
    await start('replace', { id: 'x', data: { by: 'worker' }, signal }).end();
    await store.open();
    expect(await dataOf('x')).toMatchObject({ by: 'worker' });
    expect([ours('tmp'), ours('claims')]).toEqual([[], []]);
  });

  it('before it removes what it has ended, has that done by the next open', async () => {
    await store.create('x', recordOf({}, Date.now() + 1_000));
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await start('prune', { signal: { call: 'unlinkSync', path: 'x.json', signal: 'SIGKILL' } }).end();
    expect(ours('claims').length).toBe(1);
    await store.open();
    expect(ours('claims')).toEqual([]);
    expect(readdirSync(path)).toEqual(['.keycard']);
  });

  it('before its claim, leaves the session as it was', async () => {
    await store.create('x', recordOf({ by: 'nobody' }));
    const { revision } = (await store.load('x'))!;
    const signal = { call: 'linkSync', path: 'claims', signal: 'SIGKILL' };
    await start('replace', { id: 'x', data: { by: 'worker' }, signal }).end();
    expect(ours('tmp').length).toBe(1);
    expect(await store.replace('x', recordOf({ by: 'us' }), revision)).toBe('ok');
    await store.open();
    expect([ours('tmp'), ours('claims')]).toEqual([[], []]);
  });

  it('after a create was done but not tidied, leaves a session that is whole and listed', async () => {
    const signal = { call: 'unlinkSync', path: 'tmp', signal: 'SIGKILL' };
    await start('create', { id: 'x', data: { by: 'worker' }, principal: '7', signal }).end();
    expect(await dataOf('x')).toMatchObject({ by: 'worker' });
    expect(await store.count({ principal: '7' })).toBe(1);
    expect(ours('tmp').length).toBe(1);
    await store.open();
    expect(ours('tmp')).toEqual([]);
    expect(await dataOf('x')).toMatchObject({ by: 'worker' });
  });
});

describe('a process that is stopped while it writes', () => {
  const beforeRename = { call: 'renameSync', path: 'x.json', signal: 'SIGSTOP' };

  it('blocks no other process, and overwrites nothing when it goes on', async () => {
    await store.create('x', recordOf({ by: 'nobody' }));
    const worker = start('replace', { id: 'x', data: { by: 'worker' }, signal: beforeRename });
    await worker.stopped();
    const begun = performance.now();
    expect(await store.replace('x', recordOf({ by: 'us' }), (await store.load('x'))!.revision)).toBe('conflict');
    for (let n = 0; n < 3; n++) {
      expect(await store.replace('x', recordOf({ by: 'us', n }), (await store.load('x'))!.revision)).toBe('ok');
    }
    expect(performance.now() - begun).toBeLessThan(5000);
    worker.signal('SIGCONT');
    // It was done for it, before ours.
    expect(await worker.hear('result')).toBe('ok');
    expect(await dataOf('x')).toMatchObject({ by: 'us', n: 2 });
  });

  it('brings no session back that was destroyed meanwhile', async () => {
    await store.create('x', recordOf({ by: 'nobody' }));
    const worker = start('replace', { id: 'x', data: { by: 'worker' }, signal: beforeRename });
    await worker.stopped();
    expect(await store.destroy('x')).toBe('ok');
    expect(await dataOf('x')).toBeUndefined();
    worker.signal('SIGCONT');
    await worker.hear('result');
    expect(await dataOf('x')).toBeUndefined();
    expect(readdirSync(path)).toEqual(['.keycard']);
  });

  it('before its claim, finds on going on that it is too late', async () => {
    await store.create('x', recordOf({ by: 'nobody' }));
    const signal = { call: 'linkSync', path: 'claims', signal: 'SIGSTOP' };
    const worker = start('replace', { id: 'x', data: { by: 'worker' }, signal });
    await worker.stopped();
    expect(await store.replace('x', recordOf({ by: 'us' }), (await store.load('x'))!.revision)).toBe('ok');
    worker.signal('SIGCONT');
    expect(await worker.hear('result')).toBe('conflict');
    expect(await dataOf('x')).toMatchObject({ by: 'us' });
    await worker.end();
    expect([ours('tmp'), ours('claims')]).toEqual([[], []]);
  });

  it('keeps its temporary file when another process opens the folder, and continues with it', async () => {
    await store.create('x', recordOf({ by: 'nobody' }));
    const signal = { call: 'linkSync', path: 'claims', signal: 'SIGSTOP' };
    const worker = start('replace', { id: 'x', data: { by: 'worker' }, signal });
    await worker.stopped();
    await store.open();
    expect(ours('tmp').length).toBe(1);
    worker.signal('SIGCONT');
    expect(await worker.hear('result')).toBe('ok');
    expect(await dataOf('x')).toMatchObject({ by: 'worker' });
  });

  it('blocks no other process if its temporary file was lost: another takes over its claim', async () => {
    await store.create('x', recordOf({ by: 'nobody' }));
    const { revision } = (await store.load('x'))!;
    const worker = start('replace', { id: 'x', data: { by: 'worker' }, signal: beforeRename });
    await worker.stopped();
    rmSync(join(path, '.keycard', 'tmp', ours('tmp')[0]!));
    expect(await store.replace('x', recordOf({ by: 'us' }), revision)).toBe('ok');
    expect(ours('claims')).toEqual([]);
    worker.signal('SIGCONT');
    await worker.hear('result');
    expect(await dataOf('x')).toMatchObject({ by: 'us' });
  });

  it('before it removes an expired session, can never remove a new one of the same id', async () => {
    await store.create('x', recordOf({}, Date.now() + 1_000));
    await store.create('y', recordOf({}));
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const worker = start('prune', { signal: { call: 'unlinkSync', path: 'x.json', signal: 'SIGSTOP' } });
    await worker.stopped();
    await expect(store.create('x', recordOf({ by: 'us' }))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await dataOf('y')).toBeDefined();
    // Dead, it can't do it any more, and its claim is succeeded.
    await worker.kill();
    await store.create('x', recordOf({ by: 'us' }));
    expect(await dataOf('x')).toMatchObject({ by: 'us' });
    expect(ours('claims')).toEqual([]);
  });
});
