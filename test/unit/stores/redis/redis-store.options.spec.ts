import { describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { RedisStore, type RedisStoreOptions } from '../../../../lib/stores/redis/index.js';

const url = 'redis://localhost:6379';
const make = (options: unknown) => () => new RedisStore(options as RedisStoreOptions);

describe('RedisStore refuses at construction, and names', () => {
  it.each([
    ['a missing client', {}, /either "client".*or "url"/],
    ['no options at all', undefined, /either "client".*or "url"/],
    ['a client and a url at once', { client: new Map(), url }, /either "client".*or "url"/],
    ['a client of another kind', { client: { get: () => null } }, /"client" takes a client of ioredis, or of redis/],
    ['a client that is a text', { client: url }, /"client" takes a client/],
    ['a url of another kind', { url: 'http://localhost' }, /"url" takes a string that begins with redis:/],
    ['a prefix that is no text', { url, prefix: 7 }, /"prefix" is number/],
    ['a ttl of nothing', { url, ttl: 0 }, /"ttl" is 0 and takes a whole number of seconds/],
    ['a scanCount that is no whole number', { url, scanCount: 1.5 }, /"scanCount" is 1.5/],
  ])('%s', (_, options, message) => {
    expect(make(options)).toThrow(TypeError);
    expect(make(options)).toThrow(message);
  });
});

describe('RedisStore', () => {
  it('takes a client that finds its server by Sentinel', () => {
    const client = new Redis({ sentinels: [{ host: '127.0.0.1', port: 1 }], name: 'keycard', lazyConnect: true });
    expect(make({ client })).not.toThrow();
    client.disconnect();
  });

  it('connects to no url before it is asked for something', async () => {
    const store = new RedisStore({ url: 'redis://127.0.0.1:1' });
    await store.close();
    await expect(store.load('a')).rejects.toMatchObject({ code: 'CLOSED' });
  });
});
