import { describe, expect, it } from '@jest/globals';
import type { MongoClient } from 'mongodb';
import { MongoStore, type MongoStoreOptions } from '../../../../lib/stores/mongo/index.js';
import { resolveOptions } from '../../../../lib/stores/mongo/mongo-store.options.js';

const url = 'mongodb://127.0.0.1/sessions';
const db = { collection: () => undefined };
const client = { db: () => db } as unknown as MongoClient;

describe('the options of MongoStore', () => {
  it("has connect-mongo's defaults", () => {
    expect(resolveOptions({ url })).toMatchObject({
      collectionName: 'sessions',
      stringify: true,
      ttlMs: 14 * 86_400_000,
      pruneIntervalMs: 600_000,
      timeoutMs: 5_000,
    });
    expect(resolveOptions({ url, pruneInterval: false }).pruneIntervalMs).toBe(false);
  });

  it('takes a client, a promise of one, a db, a collection or a url', () => {
    const kinds = [
      { client },
      { client: Promise.resolve(client) },
      { db: db as never },
      { collection: { findOne: () => undefined } as never },
      { url },
      { url: 'mongodb+srv://cluster.example.com' },
    ].map((options) => resolveOptions(options as MongoStoreOptions).source.kind);
    expect(kinds).toEqual(['client', 'client', 'db', 'collection', 'url', 'url']);
  });

  it.each<[string, unknown, string]>([
    ['nothing', {}, 'got 0 of'],
    ['two sources', { url, client }, 'got 2 of'],
    ['a url of another kind', { url: 'redis://127.0.0.1' }, 'mongodb://'],
    ['a client that is none', { client: {} }, 'MongoClient'],
    ['a text as a db', { db: 'sessions' }, 'Db'],
    ['clientOptions without a url', { client, clientOptions: {} }, '"clientOptions"'],
    ['dbName beside a db', { db, dbName: 'x' }, '"dbName"'],
    ['collectionName beside a collection', { collection: { findOne() {} }, collectionName: 'x' }, '"collectionName"'],
    ['an empty collectionName', { url, collectionName: '' }, '"collectionName"'],
    ['a dbName that is no text', { url, dbName: 7 }, '"dbName"'],
    ['a stringify that is no boolean', { url, stringify: 'yes' }, '"stringify"'],
    ['a ttl below zero', { url, ttl: -1 }, '"ttl"'],
    ['a ttl that is no time', { url, ttl: 'a fortnight' }, '"ttl"'],
    ['a pruneInterval of zero', { url, pruneInterval: 0 }, '"pruneInterval"'],
    ['a timeout that is infinite', { url, timeout: Number.POSITIVE_INFINITY }, '"timeout"'],
  ])('refuses %s in a sentence that names the option', (_, options, named) => {
    const make = () => new MongoStore(options as MongoStoreOptions);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(named);
  });
});
