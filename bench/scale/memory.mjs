/** MemoryStore at several sizes; each in a process of its own, with the garbage collector at hand. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { answer } from '../child.mjs';
import { DAY_MS, fill, idOf, Pauses, percentiles, recordOf } from './tools.mjs';

const EXPIRING = 100_000;
const perLoad = 100;

function used() {
  for (let n = 0; n < 3; n++) globalThis.gc();
  return process.memoryUsage().heapUsed + process.memoryUsage().external;
}

/** µs of one call, by batches: one call is too short for the clock. */
async function timed(count, call) {
  const took = [];
  for (let batch = 0; batch < count; batch++) {
    const startedAt = performance.now();
    for (let n = 0; n < perLoad; n++) await call();
    took.push(((performance.now() - startedAt) * 1_000) / perLoad);
  }
  return percentiles(took, 2);
}

async function measure({ library, count }) {
  const { MemoryStore } = await import(join(library, 'index.js'));
  const store = new MemoryStore();
  const endsAt = Date.now() + DAY_MS;
  const jsonBytes = recordOf(1, endsAt).text.length;
  // Ids that the measurement needs are not the store's: they are held in a form of their own.
  const before = used();
  let made = 0;
  const sample = [];
  while (made < count) {
    for (let n = 0; n < 1_000; n++) {
      const id = idOf();
      if (made % Math.ceil(count / 5_000) === 0) sample.push(id);
      await store.create(id, recordOf(made++, endsAt));
    }
  }
  const bytes = (used() - before) / count;
  const pick = () => sample[Math.floor(Math.random() * sample.length)];
  await timed(200, () => store.load(pick()));
  const readUs = await timed(500, () => store.load(pick()));
  const writeUs = await timed(200, async () => {
    const id = pick();
    const { revision } = await store.load(id);
    await store.replace(id, recordOf(1, endsAt), revision);
  });
  await store.close();
  return {
    count,
    jsonBytes,
    bytesASession: Math.round(bytes),
    overJson: Math.round(bytes - jsonBytes),
    readUs,
    readAndWriteUs: writeUs,
  };
}

/** 100,000 sessions end at one moment, and nobody reads them. */
async function expire({ library, sweepInterval }) {
  const { MemoryStore } = await import(join(library, 'index.js'));
  let moved = 0;
  const store = new MemoryStore({ sweepInterval, clock: { now: () => Date.now() + moved } });
  const endsAt = Date.now() + DAY_MS;
  await fill(store, EXPIRING, (n) => recordOf(n, endsAt));
  const staying = await fill(store, EXPIRING, (n) => recordOf(n, endsAt + 2 * DAY_MS));
  globalThis.gc();
  moved = DAY_MS + 1;
  const startedAt = performance.now();
  const pauses = new Pauses();
  // `records` is the store's own: count() leaves out what has ended, whether it is gone or not.
  while (store.records.size > staying.length) {
    await sleep(1);
    if (performance.now() - startedAt > 4 * sweepInterval)
      throw new Error(`${store.records.size - staying.length} expired sessions are still there.`);
  }
  const goneAfterMs = Math.round(performance.now() - startedAt);
  await store.close();
  return { expired: EXPIRING, sweepIntervalMs: sweepInterval, goneAfterMs, ...pauses.end() };
}

answer({ measure, expire });
