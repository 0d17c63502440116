import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers';
import { Random } from './random.js';

/** Who an event belongs to. What belongs to a process that has died never runs. */
export interface Owner {
  readonly name: string;
  alive: boolean;
  /** It was killed: nothing that it does has an effect any more. */
  isDead: boolean;
}

/** The network, the store and the clients, which don't die. */
export const WORLD: Owner = { name: 'world', alive: true, isDead: false };
/** When virtual time begins: 2026-01-01. */
export const EPOCH = 1_767_225_600_000;

interface Entry {
  readonly time: number;
  readonly order: number;
  readonly owner: Owner;
  readonly context: unknown;
  readonly run: () => void;
  cancelled: boolean;
}

/**
 * Virtual time. Events run one at a time, in the order of their time; before the next one runs, all promises and ticks that the last
 * one set off have settled. So a run depends on its seed alone.
 */
export class Scheduler {
  /** Virtual time since the start, in ms. */
  now = 0;
  /** Counts events: tells what came first within a millisecond too. */
  step = 0;
  /** Whose event is running. */
  owner: Owner = WORLD;
  /** What the running event is about (a request); events that it sets off inherit it. */
  context: unknown = undefined;
  private order = 0;
  private readonly heap: Entry[] = [];

  after(delay: number, owner: Owner, run: () => void, context: unknown = this.context): Entry {
    const entry: Entry = {
      time: this.now + Math.max(0, delay),
      order: (this.order += 1),
      owner,
      context,
      run,
      cancelled: false,
    };
    this.push(entry);
    return entry;
  }

  /** Runs events until `isDone`, or until the next one is later than `end`; then it is `end`. */
  async runUntil(end: number, isDone: () => boolean = () => false): Promise<void> {
    while (!isDone()) {
      const next = this.heap[0];
      if (next === undefined || next.time > end) {
        this.now = Math.max(this.now, end);
        return;
      }
      this.pop();
      if (next.cancelled || !next.owner.alive) continue;
      this.now = next.time;
      this.step += 1;
      this.owner = next.owner;
      this.context = next.context;
      next.run();
      await settled();
      this.owner = WORLD;
      this.context = undefined;
    }
  }

  private push(entry: Entry): void {
    const { heap } = this;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent]!, entry)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (isBefore(last, heap[child]!)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

const isBefore = (a: Entry, b: Entry): boolean => a.time < b.time || (a.time === b.time && a.order < b.order);

const realSetImmediate = globalThis.setImmediate;
/** Node runs an immediate only after all ticks and promises have settled. */
const settled = (): Promise<void> => new Promise((resolve) => realSetImmediate(resolve));

let current: Scheduler | undefined;
let source = new Random(0);
let refills = 0;

/** Makes a run's timers, time and randomness those of this scheduler and seed. */
export function takeOver(scheduler: Scheduler, seed: number): void {
  current = scheduler;
  source = new Random(seed);
}

/** How often random bytes were drawn: tells when a pool of them has been filled again. */
export const randomDraws = (): number => refills;

class VirtualTimer {
  entry: Entry | undefined;
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  hasRef(): boolean {
    return false;
  }
}

function startTimer(ms: number, repeat: boolean, run: () => void): VirtualTimer {
  const scheduler = current!;
  const timer = new VirtualTimer();
  const { owner } = scheduler;
  const arm = (): void => {
    timer.entry = scheduler.after(ms, owner, () => {
      if (repeat) arm();
      run();
    });
  };
  arm();
  return timer;
}

function stopTimer(timer: VirtualTimer | undefined): void {
  if (timer?.entry !== undefined) timer.entry.cancelled = true;
}

function fill(target: Uint8Array): void {
  refills += 1;
  for (let at = 0; at < target.length; at += 4) {
    const bits = source.uint32();
    for (let byte = 0; byte < 4 && at + byte < target.length; byte += 1)
      target[at + byte] = (bits >>> (byte * 8)) & 255;
  }
}

/** Replaces this process' timers, time and randomness by those of the running scheduler. Once, before the engine is imported. */
export function installVirtualTime(): void {
  type Callback = (...args: unknown[]) => void;
  const target = globalThis as unknown as Record<string, unknown>;
  target.setTimeout = (run: Callback, ms = 0, ...args: unknown[]) => startTimer(Number(ms), false, () => run(...args));
  target.setInterval = (run: Callback, ms = 0, ...args: unknown[]) =>
    startTimer(Math.max(1, Number(ms)), true, () => run(...args));
  target.setImmediate = (run: Callback, ...args: unknown[]) => startTimer(0, false, () => run(...args));
  target.clearTimeout = target.clearInterval = target.clearImmediate = stopTimer;
  for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'])
    (timers as unknown as Record<string, unknown>)[name] = target[name];
  const realNow = Date.now;
  Date.now = () => (current === undefined ? realNow() : EPOCH + Math.floor(current.now));
  Object.defineProperty(performance, 'now', { configurable: true, value: () => current?.now ?? 0 });
  Math.random = () => source.next();
  const patched = crypto as unknown as Record<string, unknown>;
  patched.randomFillSync = (bytes: Uint8Array) => {
    fill(bytes);
    return bytes;
  };
  patched.randomBytes = (length: number) => {
    const bytes = Buffer.alloc(length);
    fill(bytes);
    return bytes;
  };
  // Each engine derives the same keys, which takes a tenth of a run.
  const { hkdfSync } = crypto;
  const derived = new Map<string, ArrayBuffer>();
  patched.hkdfSync = (...args: Parameters<typeof hkdfSync>) => {
    const name = args
      .map((each) => (typeof each === 'string' || typeof each === 'number' ? each : bytesOf(each)))
      .join('|');
    let key = derived.get(name);
    if (key === undefined) derived.set(name, (key = hkdfSync(...args)));
    return key.slice(0);
  };
  syncBuiltinESMExports();
}

function bytesOf(key: unknown): string {
  const { export: exported } = key as { export?: () => Buffer };
  return (exported === undefined ? Buffer.from(key as Uint8Array) : exported.call(key)).toString('base64');
}
