import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryStore as ExpressMemoryStore } from 'express-session';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { FileStore, MemoryStore, type SessionStore } from 'nestjs-keycard';
import { fromExpressStore } from 'nestjs-keycard/express';
import { MongoStore } from 'nestjs-keycard/mongo';
import { PostgresStore } from 'nestjs-keycard/postgres';
import { RedisStore } from 'nestjs-keycard/redis';
import { Pool } from 'pg';
import { createClient } from 'redis';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { CountController } from '../../support/count-controller.js';
import { describeWithServer, type SharedServer, uniqueName } from '../../support/servers/available.js';

interface Given {
  readonly store: SessionStore;
  /** What the test itself made. */
  end?(): Promise<unknown>;
}

const ends: (() => unknown)[] = [];
afterEach(async () => {
  jest.restoreAllMocks();
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(store: SessionStore): Promise<TestApp> {
  const app = await startApp([CountController], { store, logger: { warn: () => undefined, error: () => undefined } });
  ends.push(() => app.close());
  return app;
}

const visit = async (jar: Jar, { url }: TestApp): Promise<string> => (await jar.fetch(url)).text();

/** @param says what a call says once the store is closed; of a store that has nothing to close: `undefined`. */
function suite(make: () => Promise<Given> | Given, says?: RegExp): void {
  const given = async (): Promise<SessionStore> => {
    const { store, end } = await make();
    if (end !== undefined) ends.push(end);
    ends.push(() => store.close?.());
    return store;
  };

  it('#13.12 is opened again after it was closed', async () => {
    const store = await given();
    const jar = new Jar();
    for (const views of ['1', '2', '3']) {
      const app = await start(store);
      expect(await visit(jar, app)).toBe(views);
      await app.close();
    }
  });

  it('#13.12 stays open for another app until that one closes too', async () => {
    const store = await given();
    const jar = new Jar();
    const [first, second] = await Promise.all([start(store), start(store)]);
    expect(await visit(jar, first)).toBe('1');
    await first.close();
    await first.close();
    expect(await visit(jar, second)).toBe('2');
    const [third] = await Promise.all([start(store), second.close()]);
    expect(await visit(jar, third)).toBe('3');
    await third.close();
    if (says !== undefined) await expect(store.load('a'.repeat(32))).rejects.toThrow(says);
  });

  it('#13.12 stays open if the start of another app fails', async () => {
    const store = await given();
    const jar = new Jar();
    const app = await start(store);
    expect(await visit(jar, app)).toBe('1');
    const method = store.open === undefined ? 'load' : 'open';
    jest.spyOn(store as Required<SessionStore>, method).mockRejectedValueOnce(new Error('bad luck'));
    await expect(start(store)).rejects.toThrow('bad luck');
    expect(await visit(jar, app)).toBe('2');
  });
}

describe('MemoryStore', () => suite(() => ({ store: new MemoryStore() })));

describe('FileStore', () => {
  suite(() => {
    const path = mkdtempSync(join(tmpdir(), 'keycard-lifecycle-'));
    return { store: new FileStore({ path }), end: () => Promise.resolve(rmSync(path, { recursive: true })) };
  });
});

describe('fromExpressStore()', () => suite(() => ({ store: fromExpressStore(new ExpressMemoryStore()) })));

it('#13.12 a store of express-session serves one app after another, and several', async () => {
  const store = new ExpressMemoryStore() as unknown as SessionStore;
  const jar = new Jar();
  const [first, second] = await Promise.all([start(store), start(store)]);
  expect(await visit(jar, first)).toBe('1');
  await first.close();
  expect(await visit(jar, second)).toBe('2');
  await second.close();
  expect(await visit(jar, await start(store))).toBe('3');
});

describeWithServer('redis', (server) => {
  const says = /This RedisStore was closed/;
  const prefix = () => `${uniqueName()}:`;
  describe('with "url"', () => suite(() => ({ store: new RedisStore({ url: server.url, prefix: prefix() }) }), says));
  describe('with a client of ioredis', () =>
    suite(() => {
      const client = new Redis(server.url);
      return { store: new RedisStore({ client, prefix: prefix() }), end: () => client.quit() };
    }, says));
  describe('with a client of node-redis', () =>
    suite(async () => {
      const client = await createClient({ url: server.url }).connect();
      return { store: new RedisStore({ client, prefix: prefix() }), end: () => client.close() };
    }, says));
});

describeWithServer('postgres', (server) => {
  const says = /This PostgresStore was closed/;
  const dropping = (tableName: string) => () => drop(server, tableName);
  describe('with "connectionString"', () =>
    suite(() => {
      const tableName = uniqueName('life');
      const store = new PostgresStore({ connectionString: server.url, tableName });
      return { store, end: dropping(tableName) };
    }, says));
  describe('with a pool', () =>
    suite(() => {
      const tableName = uniqueName('life');
      const pool = new Pool({ connectionString: server.url });
      const store = new PostgresStore({ pool, tableName });
      return { store, end: () => pool.end().then(dropping(tableName)) };
    }, says));
});

describeWithServer('mongo', (server) => {
  const says = /This MongoStore was closed/;
  describe('with "url"', () =>
    suite(() => ({ store: new MongoStore({ url: server.url, collectionName: uniqueName('life') }) }), says));
  describe('with a client', () =>
    suite(async () => {
      const client = await new MongoClient(server.url).connect();
      const store = new MongoStore({ client, collectionName: uniqueName('life') });
      return { store, end: () => client.close() };
    }, says));
});

async function drop(server: SharedServer, table: string): Promise<void> {
  const pool = new Pool({ connectionString: server.url });
  await pool.query(`DROP TABLE IF EXISTS ${table}`);
  await pool.end();
}
