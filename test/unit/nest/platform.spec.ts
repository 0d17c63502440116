import { createServer, ServerResponse } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { checkPlatform, missingIn, prepareServer } from '../../../lib/nest/platform.js';

class KoaAdapter {
  getType(): string {
    return 'koa';
  }
}

it('missingIn() names the functions that a response lacks', () => {
  expect(missingIn(ServerResponse.prototype)).toEqual([]);
  expect(missingIn({ writeHead: () => 0, write: () => 0, end: 7 })).toContain('end()');
  expect(missingIn({ writeHead: () => 0 })).not.toContain('writeHead()');
});

describe('checkPlatform()', () => {
  it('refuses an adapter on which the middleware could not be mounted', () => {
    expect(() => checkPlatform(new KoaAdapter(), false)).toThrow(/HTTP adapter KoaAdapter \(type "koa"\)/);
  });

  it.each<[string, object | undefined, boolean]>([
    ['an adapter on which it was mounted', new KoaAdapter(), true],
    ['an application context, which has no adapter', undefined, false],
    ['the adapter of a test, which has no type', { getType: () => '' }, false],
  ])('accepts %s', (_, adapter, isMounted) => expect(() => checkPlatform(adapter, isMounted)).not.toThrow());
});

it('prepareServer() leaves alone what is not Express, or has no server', () => {
  expect(prepareServer(undefined)).toBeUndefined();
  const getHttpServer = (): object => createServer();
  expect(prepareServer({ getType: () => 'fastify', getHttpServer })).toBeUndefined();
  expect(prepareServer({ getType: () => 'express', getHttpServer })).toBeInstanceOf(Function);
  expect(prepareServer({ getType: () => 'express', getHttpServer: () => undefined })).toBeUndefined();
});
