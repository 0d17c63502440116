/** What the scale measurements share. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

export const DAY_MS = 86_400_000;
export const idOf = () => randomBytes(24).toString('base64url');

/** A record of 400 bytes of data, as the engine packs it. */
export function recordOf(user, expiresAt) {
  const principal = `user-${user}`;
  const data = { user: { id: principal, name: 'Ada Lovelace' }, cart: ['a-1', 'b-2'], note: '' };
  data.note = 'x'.repeat(400 - JSON.stringify(data).length);
  const cookie = {
    originalMaxAge: DAY_MS,
    expires: new Date(expiresAt).toISOString(),
    secure: false,
    httpOnly: true,
    path: '/',
    sameSite: 'lax',
  };
  const facts = {
    v: 1,
    c: expiresAt - DAY_MS,
    s: expiresAt - DAY_MS,
    e: expiresAt,
    p: principal,
    h: 'h'.repeat(16),
    n: 'n'.repeat(11),
  };
  return { text: JSON.stringify({ cookie, ...data, __keycard: facts }), expiresAt, principal };
}

export function percentiles(values, digits = 3) {
  const sorted = Float64Array.from(values).sort();
  const at = (part) =>
    Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN).toFixed(digits));
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** Creates `count` sessions, so many at once, and gives their ids. */
export async function fill(store, count, recordFor, atOnce = 1_000) {
  const ids = [];
  for (let from = 0; from < count; from += atOnce) {
    const batch = Array.from({ length: Math.min(atOnce, count - from) }, (_, n) => from + n);
    await Promise.all(
      batch.map((n) => {
        const id = idOf();
        ids.push(id);
        return store.create(id, recordFor(n));
      }),
    );
  }
  return ids;
}

/** Latency of single loads, one after the other, in ms. */
export async function loads(store, ids, count) {
  const took = [];
  for (let n = 0; n < count; n++) {
    const id = ids[Math.floor(Math.random() * ids.length)];
    const startedAt = performance.now();
    if ((await store.load(id)) === undefined) throw new Error('A session that was made is not there.');
    took.push(performance.now() - startedAt);
  }
  return percentiles(took);
}

/** Does `work` while a request every 2 ms loads a session: how long it took, what they had to wait, and the longest pause of the event loop. */
export async function meanwhile(store, ids, work) {
  const waits = [];
  let working = true;
  const pauses = new Pauses();
  const requests = (async () => {
    while (working) {
      const startedAt = performance.now();
      await store.load(ids[Math.floor(Math.random() * ids.length)]);
      waits.push(performance.now() - startedAt);
      await sleep(2);
    }
  })();
  const startedAt = performance.now();
  const result = await work();
  const ms = performance.now() - startedAt;
  working = false;
  await requests;
  return { result, ms: Math.round(ms), loadsMeanwhileMs: percentiles(waits), ...pauses.end() };
}

/**
 * The longest stretch in which the event loop did not come round: by the clock, and by the CPU time of this process, which leaves out that
 * other processes had the core.
 */
export class Pauses {
  #longest = 0;
  #longestCpu = 0;
  #last = performance.now();
  #lastCpu = process.cpuUsage();
  #next;

  constructor() {
    this.#next = setImmediate(() => this.#beat());
  }

  #beat() {
    const now = performance.now();
    this.#longest = Math.max(this.#longest, now - this.#last);
    const { user, system } = process.cpuUsage(this.#lastCpu);
    this.#longestCpu = Math.max(this.#longestCpu, (user + system) / 1_000);
    this.#lastCpu = process.cpuUsage();
    this.#last = performance.now();
    this.#next = setImmediate(() => this.#beat());
  }

  end() {
    clearImmediate(this.#next);
    return { longestPauseMs: Number(this.#longest.toFixed(1)), longestPauseCpuMs: Number(this.#longestCpu.toFixed(1)) };
  }
}
