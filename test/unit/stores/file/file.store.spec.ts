import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import session from 'express-session';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { FileStore } from '../../../../lib/stores/file/file.store.js';
import type { FileStoreOptions } from '../../../../lib/stores/file/file-store.options.js';
import type { SessionRecord } from '../../../../lib/stores/session-store.js';
import { ManualClock } from '../../../../lib/testing/contract/manual-clock.js';

const DAY = 86_400_000;

let root: string;
let path: string;
let clock: ManualClock;
let store: FileStore;
let nonce = 0;

function make(options: FileStoreOptions = {}): FileStore {
  return new FileStore({ path, clock, fsync: false, pruneInterval: false, ...options });
}

function recordOf(data: object = {}, principal?: string, life = DAY): SessionRecord {
  const cookie = {
    originalMaxAge: life,
    expires: new Date(clock.now() + life).toISOString(),
    httpOnly: true,
    path: '/',
  };
  const text = JSON.stringify({ cookie, ...data, __keycard: { v: 1, p: principal, n: ++nonce } });
  return { text, expiresAt: clock.now() + life, principal };
}

async function idsOf(principal?: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of store.list({ principal })) ids.push(id);
  return ids;
}

/** Every path below a folder, folders included. */
function below(folder: string): string[] {
  return fs.readdirSync(folder, { recursive: true, encoding: 'utf8' });
}

const markersOf = (): string[] => below(join(path, '.keycard', 'principals')).filter((entry) => entry.includes('/'));

beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'keycard-file-store-'));
  path = join(root, 'sessions');
  clock = new ManualClock();
  store = make();
});
afterEach(async () => {
  await store.close();
  fs.rmSync(root, { recursive: true });
});

describe('the folder', () => {
  it('is made with what it holds for nobody else to read', async () => {
    await store.create('abc', recordOf({}, '7'));
    await store.create('../abc', recordOf());
    for (const entry of ['.', ...below(path)]) {
      const stat = fs.statSync(join(path, entry));
      expect([entry, stat.mode & 0o777]).toEqual([entry, stat.isDirectory() ? 0o700 : 0o600]);
    }
  });

  it('holds sessions in files that end in .json, and nothing else that does', async () => {
    for (const id of ['abc', '../abc', 'a/b.json', 'x'.repeat(200)]) await store.create(id, recordOf({}, '.json'));
    const files = below(path).filter((entry) => entry.endsWith('.json'));
    expect(files.length).toBe(4);
    for (const file of files) expect(file).toMatch(/^(abc|~[0-9a-f]{64})\.json$/);
  });

  it('is never left, whatever the id', async () => {
    for (const id of ['../escape', '/tmp/escape', '..', '.', '../sessions/abc']) await store.create(id, recordOf());
    expect(fs.readdirSync(root)).toEqual(['sessions']);
    fs.writeFileSync(
      join(root, 'outside.json'),
      '{"cookie":{"originalMaxAge":1000},"secret":1,"__lastAccess":9999999999999}',
    );
    expect(await store.load('../outside')).toBeUndefined();
    expect(await store.destroy('../outside')).toBe('gone');
    expect(fs.existsSync(join(root, 'outside.json'))).toBe(true);
  });

  it('is not left through a symbolic link either', async () => {
    const outside = join(root, 'outside');
    await store.create('abc', recordOf());
    fs.renameSync(join(path, 'abc.json'), outside);
    fs.symlinkSync(outside, join(path, 'abc.json'));
    for (const reads of ['sync', 'async'] as const) expect(await make({ reads }).load('abc')).toBeUndefined();
    expect(await idsOf()).toEqual([]);
  });

  it('that somebody has removed is an error once, and is then made anew', async () => {
    await store.create('abc', recordOf());
    fs.rmSync(path, { recursive: true });
    expect(await store.load('abc')).toBeUndefined();
    await expect(store.create('abc', recordOf())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await store.create('abc', recordOf());
    expect(await store.load('abc')).toBeDefined();
  });

  it('that cannot be made is an error of open, which names it', async () => {
    fs.writeFileSync(path, 'a file');
    await expect(store.open()).rejects.toMatchObject({ name: 'SessionStoreError', code: 'UNAVAILABLE' });
    await expect(store.open()).rejects.toThrow(path);
  });

  it('that fails is an error that does not tell the id', async () => {
    await store.open();
    fs.renameSync(path, join(root, 'away'));
    fs.writeFileSync(path, 'a file');
    const calls = [store.load('secret-id'), make({ reads: 'async' }).load('secret-id'), store.destroy('secret-id')];
    for (const result of await Promise.allSettled(calls)) {
      const { reason } = result as PromiseRejectedResult;
      expect(reason).toMatchObject({ name: 'SessionStoreError', code: 'UNAVAILABLE' });
      const cause = (reason as Error).cause as Error;
      expect(`${String(reason)} ${cause.message} ${cause.stack} ${JSON.stringify(cause)}`).not.toContain('secret-id');
    }
  });
});

describe('a file that is no session', () => {
  it('is not overwritten, and not removed', async () => {
    await store.open();
    fs.writeFileSync(join(path, 'abc.json'), '{"cookie":{"origi');
    await expect(store.create('abc', recordOf())).rejects.toMatchObject({ code: 'ID_TAKEN' });
    expect(await store.destroy('abc')).toBe('gone');
    expect(await store.prune()).toBe(0);
    await store.clear();
    expect(fs.readFileSync(join(path, 'abc.json'), 'utf8')).toBe('{"cookie":{"origi');
  });

  it('may be of any kind and size, and is never an error', async () => {
    await store.open();
    const cookie = '{"cookie":{"originalMaxAge":1000}';
    for (const content of [
      '',
      '{',
      '[]',
      '7',
      `${cookie},"a`,
      'x'.repeat(5_000_000),
      `${cookie},"__lastAccess":"1"}`,
    ]) {
      fs.writeFileSync(join(path, 'abc.json'), content);
      for (const reads of ['sync', 'async'] as const) expect(await make({ reads }).load('abc')).toBeUndefined();
      expect(await store.replace('abc', recordOf(), undefined)).toBe('gone');
      expect(await idsOf()).toEqual([]);
    }
  });

  it('may be a folder', async () => {
    await store.open();
    fs.mkdirSync(join(path, 'abc.json'));
    for (const reads of ['sync', 'async'] as const) expect(await make({ reads }).load('abc')).toBeUndefined();
    expect(await idsOf()).toEqual([]);
  });
});

describe('the markers of a principal', () => {
  const age = (marker: string): void => fs.utimesSync(join(path, '.keycard', 'principals', marker), 1000, 1000);

  it('go with the session, by destroy, prune or another principal', async () => {
    await store.create('a', recordOf({}, '7'));
    await store.create('b', recordOf({}, '7', 1000));
    await store.create('c', recordOf({}, '7'));
    expect(markersOf().length).toBe(3);
    await store.destroy('a');
    await store.replace('c', recordOf(), (await store.load('c'))!.revision);
    clock.advance(1000);
    await store.prune();
    expect(fs.readdirSync(join(path, '.keycard', 'principals'))).toEqual([]);
  });

  it('are removed by list if no session has that principal, unless one may be about to be written', async () => {
    await store.create('a', recordOf({}, '7'));
    fs.rmSync(join(path, 'a.json'));
    expect(await idsOf('7')).toEqual([]);
    expect(markersOf().length).toBe(1);
    age(markersOf()[0]!);
    expect(await idsOf('7')).toEqual([]);
    expect(markersOf()).toEqual([]);
  });

  it('stay with a live session, however old they are', async () => {
    await store.create('a', recordOf({}, '7'));
    age(markersOf()[0]!);
    expect(await idsOf('7')).toEqual(['a']);
    expect(await idsOf('7')).toEqual(['a']);
  });
});

it('gives a session without an age of its own the ttl, in ms', async () => {
  store = make({ ttl: 5000 });
  const text = '{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"views":1}';
  await store.create('abc', { text, expiresAt: clock.now() + 1000 });
  const content = JSON.parse(fs.readFileSync(join(path, 'abc.json'), 'utf8')) as { __lastAccess: number };
  expect(content.__lastAccess).toBe(clock.now() - 4000);
  clock.advance(999);
  expect(await store.load('abc')).toMatchObject({ text });
  clock.advance(1);
  expect(await store.load('abc')).toBeUndefined();
});

it('gives a revision that another store on the folder takes', async () => {
  await store.create('abc', recordOf());
  const { revision } = (await store.load('abc'))!;
  expect(await make({ reads: 'async' }).replace('abc', recordOf(), revision)).toBe('ok');
  expect(await store.replace('abc', recordOf(), revision)).toBe('conflict');
});

it('removes what has expired every pruneInterval, and stops that when it is closed', async () => {
  jest.useFakeTimers({ doNotFake: ['Date', 'performance', 'setImmediate', 'nextTick', 'queueMicrotask'] });
  try {
    store = make({ pruneInterval: 60_000 });
    await store.open();
    const until = async (holds: () => boolean): Promise<void> => {
      const deadline = performance.now() + 10_000;
      while (!holds() && performance.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
    };
    for (let round = 0; round < 2; round++) {
      await store.create('abc', recordOf({}, undefined, 1000));
      clock.advance(1000);
      jest.advanceTimersByTime(90_000);
      await until(() => !fs.existsSync(join(path, 'abc.json')));
      expect(fs.existsSync(join(path, 'abc.json'))).toBe(false);
      await until(() => jest.getTimerCount() > 0);
    }
    await store.close();
    expect(jest.getTimerCount()).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});

describe('session-file-store on the same folder', () => {
  type Peer = Record<'get' | 'set' | 'touch' | 'destroy' | 'list', (...args: unknown[]) => Promise<unknown>>;
  let peer: Peer;

  beforeEach(() => {
    const Peers = (
      createRequire(import.meta.url)('session-file-store') as (s: typeof session) => new (o: object) => object
    )(session);
    const theirs = new Peers({ path, reapInterval: -1, retries: 0, logFn: () => undefined }) as Record<
      string,
      (...args: unknown[]) => void
    >;
    const call = (method: string) =>
      promisify(theirs[method]!.bind(theirs)) as (...args: unknown[]) => Promise<unknown>;
    peer = { get: call('get'), set: call('set'), touch: call('touch'), destroy: call('destroy'), list: call('list') };
  });

  it('reads what we write, changes it, and we read that', async () => {
    const record = recordOf({ user: { name: 'Zoë' }, views: 1 }, '7');
    await store.create('abc', record);
    const theirs = (await peer.get('abc')) as Record<string, unknown>;
    expect(theirs).toMatchObject(JSON.parse(record.text) as object);
    await peer.set('abc', { ...theirs, views: 2, cart: ['a'] });
    const ours = JSON.parse((await store.load('abc'))!.text) as Record<string, unknown>;
    expect(ours).toEqual({ ...(JSON.parse(record.text) as object), views: 2, cart: ['a'] });
    expect(await idsOf('7')).toEqual(['abc']);
  });

  it('has its sessions read, replaced and read again', async () => {
    const cookie = {
      originalMaxAge: DAY,
      expires: new Date(Date.now() + DAY).toISOString(),
      httpOnly: true,
      path: '/',
    };
    await peer.set('abc', { cookie, views: 1 });
    const found = (await store.load('abc'))!;
    expect(found.text).toBe(JSON.stringify({ cookie, views: 1 }));
    expect(Math.abs(found.expiresAt! - Date.now() - DAY)).toBeLessThan(60_000);
    expect(await store.replace('abc', recordOf({ views: 2 }), found.revision)).toBe('ok');
    expect(await peer.get('abc')).toMatchObject({ views: 2 });
    expect(await store.replace('abc', recordOf({ views: 3 }), found.revision)).toBe('conflict');
  });

  it('moves the expiry by a touch, and what we read has it', async () => {
    await store.create('abc', recordOf({}, undefined, 5000));
    const before = (await store.load('abc'))!;
    await new Promise((resolve) => setTimeout(resolve, 5));
    await peer.touch('abc', { cookie: { originalMaxAge: 5000 } });
    const after = (await store.load('abc'))!;
    expect(after.expiresAt!).toBeGreaterThan(before.expiresAt!);
    expect(await store.replace('abc', recordOf(), before.revision)).toBe('conflict');
  });

  it('ends what we see as gone, and sees as gone what we end', async () => {
    await store.create('abc', recordOf());
    await peer.destroy('abc');
    expect(await store.load('abc')).toBeUndefined();
    await store.create('def', recordOf({}, '7'));
    expect(await store.destroy('def')).toBe('ok');
    await expect(peer.get('def')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('lists sessions only, and leaves the rest of ours alone', async () => {
    await store.create('abc', recordOf({}, '7'));
    await store.create('../x', recordOf({}, '7'));
    expect(((await peer.list()) as string[]).sort()).toEqual(['abc.json', expect.stringMatching(/^~/)]);
  });
});
