import type { AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe } from '@jest/globals';

export type AdapterName = 'Express' | 'Fastify';
const ADAPTERS = ['Express', 'Fastify'] as const;
let current: AdapterName = 'Express';
let built = 0;
/** While a `describe` on both adapters is read. */
let isInside = false;

/** The adapter that `startApp` builds an app on now. */
export const adapterName = (): AdapterName => current;

/** One that believes what these proxies say, if any. */
export function newAdapter(trusted?: string | boolean): AbstractHttpAdapter {
  built += 1;
  if (current === 'Fastify') return new FastifyAdapter(trusted === undefined ? {} : { trustProxy: trusted });
  const adapter = new ExpressAdapter();
  if (trusted !== undefined) adapter.set('trust proxy', trusted);
  return adapter;
}

/** Tests whose apps `startApp` builds on this adapter. To be called in a `describe` of its own. */
export function onAdapter(adapter: AdapterName, tests: () => void): void {
  beforeAll(() => {
    current = adapter;
    built = 0;
  });
  tests();
  afterAll(() => {
    current = 'Express';
    if (built === 0) throw new Error(`None of these tests has built an app on ${adapter}, so they show nothing of it.`);
  });
}

/** The tests of a spec, on one adapter after the other. */
export function onBothAdapters(tests: (adapter: AdapterName) => void): void {
  describe.each(ADAPTERS)('on %s', (adapter) => onAdapter(adapter, () => tests(adapter)));
}

function both(name: string, tests: () => void): void {
  if (isInside) {
    describe(name, tests);
    return;
  }
  isInside = true;
  for (const adapter of ADAPTERS) {
    const where = adapter === 'Express' ? '' : ` (on ${adapter})`;
    describe(`${name}${where}`, () => onAdapter(adapter, tests));
  }
  isInside = false;
}

function bothEach(table: readonly unknown[]) {
  return (name: string, tests: (...row: never[]) => void): void => {
    for (const each of table) {
      const row = (Array.isArray(each) ? each : [each]) as never[];
      both(
        name.replace('%s', () => String(row[0])),
        () => tests(...row),
      );
    }
  };
}

/** Jest's `describe` for specs that hold on Express and on Fastify: what is outermost runs on both. */
export const describeOnBoth = Object.assign(both, { each: bothEach as unknown as typeof describe.each });
