import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { MemoryStore } from '../../../lib/stores/memory.store.js';
import { ManualClock } from '../../../lib/testing/contract/manual-clock.js';
import { compileLib } from '../../support/compile-lib.js';

interface Insides {
  readonly records: { readonly size: number };
}

const held = (store: MemoryStore): number => (store as unknown as Insides).records.size;

describe('what has expired and is never asked for', () => {
  let clock: ManualClock;
  let store: MemoryStore;

  beforeEach(() => {
    jest.useFakeTimers();
    clock = new ManualClock();
    store = new MemoryStore({ clock });
  });
  afterEach(async () => {
    await store.close();
    jest.useRealTimers();
  });

  async function fill(count: number, expiresAt: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      await store.create(randomBytes(12).toString('hex'), { text: '{}', expiresAt, principal: `user-${n % 100}` });
    }
  }

  it('is gone within a minute, and what lives stays', async () => {
    await fill(500, clock.now() + 1000);
    await fill(20, clock.now() + 600_000);
    clock.advance(1000);
    jest.advanceTimersByTime(60_000);
    expect(held(store)).toBe(20);
    expect(await store.count({ principal: 'user-0' })).toBe(1);
  });

  it('removes a few at a time if 100,000 expire at once', async () => {
    await fill(100_000, clock.now() + 1000);
    clock.advance(1000);
    const steps: number[] = [];
    for (let before = held(store), n = 0; before > 0 && n < 2000; before = held(store), n++) {
      jest.advanceTimersToNextTimer();
      steps.push(before - held(store));
    }
    expect(held(store)).toBe(0);
    expect(Math.max(...steps)).toBeLessThan(3000);
  });

  it('needs no timer while the store is empty', async () => {
    expect(jest.getTimerCount()).toBe(0);
    await fill(1, clock.now() + 1000);
    expect(jest.getTimerCount()).toBe(1);
    clock.advance(1000);
    jest.advanceTimersByTime(60_000);
    expect(jest.getTimerCount()).toBe(0);
    await fill(1, clock.now() + 1000);
    expect(jest.getTimerCount()).toBe(1);
    await store.close();
    expect(jest.getTimerCount()).toBe(0);
  });
});

it('prunes what has expired, and says how many', async () => {
  const clock = new ManualClock();
  const store = new MemoryStore({ clock });
  for (let n = 0; n < 5; n++) await store.create(`s${n}`, { text: '{}', expiresAt: clock.now() + (n < 3 ? 1 : 1000) });
  clock.advance(1);
  expect(await store.prune()).toBe(3);
  expect(await store.count()).toBe(2);
  await store.close();
});

it('lets the process end', async () => {
  const lib = await compileLib();
  const script = `import { MemoryStore } from ${JSON.stringify(join(lib.path, 'stores/memory.store.js'))};
    await new MemoryStore().create('x', { text: '{}', expiresAt: Date.now() + 60_000 });`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 10_000 });
  await lib.remove();
});

it('refuses more than maxSessions, and keeps those that it has', async () => {
  const clock = new ManualClock();
  const store = new MemoryStore({ clock, maxSessions: 2 });
  const record = { text: '{}', expiresAt: clock.now() + 1000 };
  await store.create('a', record);
  await store.create('b', record);
  await expect(store.create('c', record)).rejects.toMatchObject({ code: 'REFUSED', statusCode: 503 });
  expect(await store.count()).toBe(2);
  await store.destroy('a');
  await store.create('c', record);
  await store.close();
});

it('gives a version of its own to a text that was changed back', async () => {
  const store = new MemoryStore();
  const record = { text: '{}', expiresAt: Date.now() + 60_000 };
  await store.create('a', record);
  const { revision } = (await store.load('a'))!;
  await store.replace('a', record, revision);
  expect(await store.replace('a', record, revision)).toBe('conflict');
  await store.close();
});

it('shares nothing with who loaded a session', async () => {
  const store = new MemoryStore();
  await store.create('a', { text: '{"a":1}', expiresAt: Date.now() + 60_000 });
  const found = (await store.load('a'))! as { text: string; expiresAt: number };
  found.text = '{"a":2}';
  found.expiresAt = 0;
  expect((await store.load('a'))?.text).toBe('{"a":1}');
  await store.close();
});

it.each([
  ['guests', 'undefined'],
  ['a principal each', '`user-${n}`'],
])(
  'takes at most 200 bytes a session beside the JSON: %s',
  async (_, principal) => {
    // In a process of its own: what else is in the heap would be measured too.
    const lib = await compileLib();
    const script = `import { randomBytes } from 'node:crypto';
    import { MemoryStore } from ${JSON.stringify(join(lib.path, 'stores/memory.store.js'))};
    const used = () => {
      gc();
      gc();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    const count = 120_000;
    const store = new MemoryStore();
    const before = used();
    let bytes = 0;
    for (let n = 0; n < count; n++) {
      // A rope, as JSON.stringify gives them.
      const text = JSON.stringify({ cookie: { originalMaxAge: n }, user: { id: n }, cart: Array.from({ length: 20 }, () => 'thing') });
      bytes += Buffer.byteLength(text);
      await store.create(randomBytes(24).toString('base64url'), { text, expiresAt: Date.now() + 600_000, principal: ${principal} });
    }
    console.log((used() - before - bytes) / count, await store.count());`;
    const args = ['--expose-gc', '--input-type=module', '-e', script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
    await lib.remove();
    const [each, held] = stdout.split(' ').map(Number);
    expect(held).toBe(120_000);
    expect(each).toBeGreaterThan(0);
    expect(each).toBeLessThan(200);
  },
  60_000,
);
