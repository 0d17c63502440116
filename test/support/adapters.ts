import type { AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { beforeAll, describe } from '@jest/globals';

export type AdapterName = 'Express' | 'Fastify';
let current: AdapterName = 'Express';

/** The adapter that `startApp` builds an app on. */
export const adapterName = (): AdapterName => current;

export function newAdapter(): AbstractHttpAdapter {
  return current === 'Fastify' ? new FastifyAdapter() : new ExpressAdapter();
}

/** The tests of a spec, on one adapter after the other. */
export function onBothAdapters(tests: (adapter: AdapterName) => void): void {
  describe.each(['Express', 'Fastify'] as const)('on %s', (adapter) => onAdapter(adapter, tests));
}

/** Tests whose apps are built on this adapter. To be called in a `describe` of its own. */
export function onAdapter(adapter: AdapterName, tests: (adapter: AdapterName) => void): void {
  beforeAll(() => {
    current = adapter;
  });
  tests(adapter);
}
