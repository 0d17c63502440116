import { describe, expect, it, jest } from '@jest/globals';
import { MemoryStore as ExpressMemoryStore } from 'express-session';
import { FileStore, MemoryStore } from 'nestjs-keycard';
import { fromExpressStore, toExpressStore } from 'nestjs-keycard/express';
import { MongoStore } from 'nestjs-keycard/mongo';
import { PostgresStore } from 'nestjs-keycard/postgres';
import { RedisStore } from 'nestjs-keycard/redis';
import { resolveOptions as mongoOptions } from '../../../lib/stores/mongo/mongo-store.options.js';
import { resolveOptions as postgresOptions } from '../../../lib/stores/postgres/postgres-options.js';
import { readRedisStoreOptions as redisOptions } from '../../../lib/stores/redis/redis-store.options.js';

type Make = (options: unknown) => () => unknown;
const client = { query: () => Promise.resolve({ rows: [], rowCount: 0 }) };
const memory: Make = (options) => () => new MemoryStore(options as never);
const file: Make = (options) => () => new FileStore(options as never);
const stores: readonly (readonly [string, Make, object])[] = [
  ['MemoryStore', memory, {}],
  ['FileStore', file, {}],
  ['RedisStore', (options) => () => new RedisStore(options as never), { url: 'redis://localhost' }],
  ['PostgresStore', (options) => () => new PostgresStore(options as never), { client }],
  ['MongoStore', (options) => () => new MongoStore(options as never), { url: 'mongodb://localhost' }],
];

describe.each(stores)('%s', (name, make, needed) => {
  it('refuses an option that it does not have, names those that it has, and the one that may be meant (#13.22)', () => {
    expect(make({ ...needed, clocks: 1 })).toThrow(TypeError);
    expect(make({ ...needed, clocks: 1 })).toThrow(
      new RegExp(`^"clocks" is no option of ${name}; the options are .*clock.* Did you mean "clock"\\?$`),
    );
    expect(make({ ...needed, banana: 1 })).toThrow(/the options are [^.]*\.$/);
  });

  it('refuses a clock that tells no time, and takes one that does', () => {
    expect(make({ ...needed, clock: Date.now })).toThrow(`${name}: "clock" takes an object with now()`);
    expect(make({ ...needed, clock: null })).toThrow(`${name}: "clock" takes an object with now()`);
    expect(make({ ...needed, clock: { now: () => 0 } })).not.toThrow();
  });

  it('refuses what is no object', () => {
    expect(make('redis://localhost')).toThrow(TypeError);
    expect(make([])).toThrow(TypeError);
    expect(make(null)).toThrow(TypeError);
  });
});

describe('what is meant is asked, and what was given is said (#13.22)', () => {
  const redis: Make = (options) => () => new RedisStore(options as never);
  const postgres: Make = (options) => () => new PostgresStore({ client, ...(options as object) });
  const mongo: Make = (options) => () => new MongoStore({ url: 'mongodb://localhost', ...(options as object) });
  const from: Make = (options) => () => fromExpressStore(new ExpressMemoryStore() as never, options as never);
  const to: Make = (options) => () => toExpressStore(new MemoryStore(), options as never);

  it.each([
    ['the client itself', redis, { clinet: {} }, 'Did you mean "client"?'],
    ["connect-pg-simple's word", postgres, { conString: 'postgres://x' }, 'Did you mean "connectionString"?'],
    ["connect-mongo's word", mongo, { mongoUrl: 'mongodb://x' }, 'Did you mean "url"?'],
    ["connect-mongo's word", mongo, { clientPromise: 1 }, 'Did you mean "client"?'],
    ["connect-mongo's word", mongo, { mongoOptions: {} }, 'Did you mean "clientOptions"?'],
    ["session-file-store's word", file, { reapInterval: 60 }, 'Did you mean "pruneInterval"?'],
    ['a store of express-session', from, { timout: 1 }, /no option of fromExpressStore.* Did you mean "timeout"\?$/],
    ['under express-session', to, { tll: 1 }, /no option of toExpressStore.* Did you mean "ttl"\?$/],
    ['text', from, { timeout: '5 x' }, 'fromExpressStore: "timeout" is "5 x" and takes a number of ms above 0'],
    ['text', to, { ttl: 'a day' }, 'toExpressStore: "ttl" is "a day" and takes a number of seconds above 0'],
    ['text', postgres, { queryTimeout: 'soon' }, 'PostgresStore: "queryTimeout" is "soon" and takes'],
    ['text of digits', postgres, { pruneInterval: '60' }, 'PostgresStore: "pruneInterval" is "60" and takes'],
    ['text', mongo, { ttl: 'a day' }, 'MongoStore: "ttl" is "a day" and takes a number of seconds'],
    ['text', mongo, { timeout: 'soon' }, 'MongoStore: "timeout" is "soon" and takes a number of ms'],
  ])('%s', (_, make, options, message) => {
    expect(make(options)).toThrow(TypeError);
    expect(make(options)).toThrow(message);
  });

  it("FileStore warns of a ttl below a minute, as session-file-store's is in seconds", () => {
    const warn = jest.spyOn(process, 'emitWarning').mockReturnValue();
    try {
      for (const ttl of [60_000, 3_600_000]) file({ ttl })();
      expect(warn).not.toHaveBeenCalled();
      file({ ttl: 3_600 })();
      expect(warn.mock.calls).toEqual([
        [
          'FileStore: "ttl" is 3600 ms, which is 3.6 s. If you mean seconds, as in session-file-store, write 3600000.',
          { type: 'KeycardWarning', code: 'KEYCARD_FILE' },
        ],
      ]);
    } finally {
      warn.mockRestore();
    }
  });
});

describe('a time (#14.4)', () => {
  it('is ms or text, under every name of ours', () => {
    expect(() => new MemoryStore({ sweepInterval: '30s' })).not.toThrow();
    expect(() => new FileStore({ ttl: '1h', pruneInterval: '15m' })).not.toThrow();
    expect(() => new RedisStore({ url: 'redis://localhost', ttl: '1d' })).not.toThrow();
    expect(postgresOptions({ client, pruneInterval: 60_000, queryTimeout: '3s' })).toMatchObject({
      pruneIntervalMs: 60_000,
      queryTimeoutMs: 3_000,
    });
    expect(mongoOptions({ url: 'mongodb://h', ttl: '14d', pruneInterval: '10m', timeout: '5s' })).toMatchObject({
      ttlMs: 1_209_600_000,
      pruneIntervalMs: 600_000,
      timeoutMs: 5_000,
    });
    expect(() => fromExpressStore(new ExpressMemoryStore() as never, { timeout: '5s' })).not.toThrow();
  });

  it("is seconds under a name that express-session's stores have in seconds", () => {
    expect(redisOptions({ url: 'redis://localhost', ttl: 60 }).ttl).toBe(60_000);
    expect(redisOptions({ url: 'redis://localhost', ttl: '90s' }).ttl).toBe(90_000);
    expect(mongoOptions({ url: 'mongodb://h', ttl: 60 }).ttlMs).toBe(60_000);
    expect(postgresOptions({ client, pruneSessionInterval: 60 }).pruneIntervalMs).toBe(60_000);
    expect(postgresOptions({ client, pruneSessionInterval: false }).pruneIntervalMs).toBe(false);
    expect(postgresOptions({ client, pruneInterval: '1m', pruneSessionInterval: 90 }).pruneIntervalMs).toBe(60_000);
  });

  it.each([
    ['PostgresStore', () => postgresOptions({ client, pruneInterval: 900 }), 'connect-pg-simple', 'KEYCARD_POSTGRES'],
    [
      'MongoStore',
      () => mongoOptions({ url: 'mongodb://h', pruneInterval: 900 }),
      'versions before 0.2',
      'KEYCARD_MONGO',
    ],
  ])('below a minute is a warning of %s, which may have been given seconds', (name, make, where, code) => {
    const warn = jest.spyOn(process, 'emitWarning').mockReturnValue();
    try {
      make();
      expect(warn.mock.calls).toEqual([
        [
          `${name}: "pruneInterval" is 900 ms, which is 0.9 s. If you mean seconds, as in ${where}, write 900000.`,
          { type: 'KeycardWarning', code },
        ],
      ]);
    } finally {
      warn.mockRestore();
    }
  });
});

describe('values that a store cannot work with are refused at construction', () => {
  it.each([
    [
      'a sweep that never comes',
      memory,
      { sweepInterval: 0 },
      'MemoryStore: "sweepInterval" is 0 and takes a number of ms above 0',
    ],
    ['a sweep as text', memory, { sweepInterval: '30' }, 'MemoryStore: "sweepInterval" is "30"'],
    ['a sweep that no timer waits for', memory, { sweepInterval: 2 ** 31 }, 'at most 2147483647'],
    ['room for no session', memory, { maxSessions: -1 }, 'MemoryStore: "maxSessions" is -1'],
    ['no number', memory, { maxSessions: Number.NaN }, 'MemoryStore: "maxSessions" is NaN'],
    ['no path', file, { path: '' }, 'FileStore: "path" takes the path of a folder'],
    ['a path that is no text', file, { path: 7 }, 'FileStore: "path" takes the path of a folder'],
    ['a life as text', file, { ttl: 'long' }, 'FileStore: "ttl" is "long" and takes a number of ms above 0'],
    ['fsync as text', file, { fsync: 'no' }, 'FileStore: "fsync" is string and takes true or false'],
    ['a prune that never waits', file, { pruneInterval: 0 }, 'FileStore: "pruneInterval" is 0'],
    ['reads of another kind', file, { reads: 'later' }, 'FileStore: "reads" takes "sync" or "async"'],
  ])('%s', (_, make, options, message) => {
    expect(make(options)).toThrow(TypeError);
    expect(make(options)).toThrow(message);
  });

  it('and what it can work with is taken', () => {
    expect(memory({ maxSessions: Infinity, sweepInterval: 1 })).not.toThrow();
    expect(file({ path: 'somewhere', ttl: 1, fsync: false, pruneInterval: false, reads: 'async' })).not.toThrow();
  });
});
