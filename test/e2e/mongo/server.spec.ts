import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { type Collection, type Db, type Document, MongoClient, MongoServerError } from 'mongodb';
import { MongoStore } from '../../../lib/stores/mongo/index.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

const END = Date.now() + 3_600_000;
const record = (n: number, principal?: string) => ({
  text: JSON.stringify({ cookie: {}, n, __keycard: { v: 1, p: principal } }),
  expiresAt: END,
  principal,
});

describeWithServer('mongo', (server) => {
  const collectionName = uniqueName('server');
  const calls: string[] = [];
  let client: MongoClient;
  let db: Db;
  let documents: Collection;

  /** The database, with another answer to `buildInfo`. */
  const saying = (buildInfo: Document): Db =>
    new Proxy(db, {
      get: (target, key) => {
        if (key === 'command') return async () => buildInfo;
        const value = Reflect.get(target, key) as unknown;
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });

  beforeAll(async () => {
    client = new MongoClient(server.url, { monitorCommands: true });
    client.on('commandStarted', ({ commandName }) => calls.push(commandName));
    db = client.db('keycard');
    documents = db.collection(collectionName);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });
  afterAll(async () => {
    await documents.drop();
    await client.close();
  });

  it('makes its indexes at start, and says nothing if they could be made', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const made: Document[] = [];
    client.on(
      'commandStarted',
      ({ commandName, command }) => void (commandName === 'createIndexes' && made.push(command)),
    );
    const store = new MongoStore({ db, collectionName });
    await store.open();
    const asked = made.flatMap(({ indexes: each }) => each as Document[]);
    // What the server is asked for, whether it can or not: one whose own time is its end.
    expect(asked).toContainEqual(
      expect.objectContaining({ name: 'expires_1', key: new Map([['expires', 1]]), expireAfterSeconds: 0 }),
    );
    const indexes = await documents.indexes();
    expect(indexes).toContainEqual(expect.objectContaining({ key: { 'keycard.p': 1, _id: 1 } }));
    expect(warn).not.toHaveBeenCalled();
    await store.close();
  });

  it("removes what has expired by itself if the server doesn't, until it is closed", async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const refusing = new Proxy(documents, {
      get: (target, key) => {
        if (key === 'createIndex')
          return () => Promise.reject(new MongoServerError({ message: 'not authorized', code: 13 }));
        const value = Reflect.get(target, key) as unknown;
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const store = new MongoStore({ collection: refusing, pruneInterval: '20ms' });
    await store.create('old', { text: '{}', expiresAt: Date.now() - 1_000 });
    await store.create('new', record(1));
    await store.open();
    expect(warn.mock.calls.map(([message]) => message)).toEqual([
      expect.stringContaining('could not create the index for a principal'),
      expect.stringContaining('could not create a TTL index (not authorized)'),
    ]);
    const removed = async () => (await documents.countDocuments({ _id: 'old' as never })) === 0;
    for (let n = 0; n < 200 && !(await removed()); n++) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await removed()).toBe(true);
    expect(await store.load('new')).toBeDefined();
    await store.close();
    const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    // What was under way ends; a store that goes on pruning is never quiet for so long.
    for (let n = 0; n === 0 || (n < 50 && calls.length > 0); n += 1) {
      calls.length = 0;
      await wait(100);
    }
    expect(calls).toEqual([]);
  });

  it('calls the server once for a load, a create, a change and an end', async () => {
    const store = new MongoStore({ db, collectionName });
    const made = async (work: () => Promise<unknown>) => {
      calls.length = 0;
      await work();
      return [...calls];
    };
    expect(await made(() => store.create('calls', record(1, '7')))).toEqual(['insert']);
    const { revision } = (await store.load('calls'))!;
    expect(await made(() => store.load('calls'))).toEqual(['find']);
    expect(await made(() => store.replace('calls', record(2, '7'), revision))).toEqual(['update']);
    expect(await made(() => store.load('none'))).toEqual(['find']);
    expect(await made(() => store.destroy('calls'))).toEqual(['delete']);
  });

  it('asks for one principal by its index, and for no more documents than it gives', async () => {
    const store = new MongoStore({ db, collectionName });
    await store.clear();
    for (let n = 0; n < 60; n++) await store.create(`s-${n}`, record(n, `user-${n % 20}`));
    const filters: unknown[] = [];
    const answered: number[] = [];
    client.on('commandStarted', ({ command }) => filters.push(command['filter']));
    client.on('commandSucceeded', ({ reply }) => {
      const batch = (reply as { cursor?: { firstBatch: unknown[] } }).cursor?.firstBatch;
      if (batch) answered.push(batch.length);
    });
    const ids: string[] = [];
    for await (const { id } of store.list({ principal: 'user-7' })) ids.push(id);
    expect(ids).toEqual(['s-27', 's-47', 's-7']);
    expect(filters).toEqual([expect.objectContaining({ 'keycard.p': 'user-7' })]);
    expect(answered).toEqual([3]);
    // mongo-java-server explains nothing.
    if (!('gitVersion' in (await db.command({ buildInfo: 1 })))) return;
    const plan = await documents
      .find({ 'keycard.p': 'user-7', _id: { $gt: '' as never } })
      .sort({ _id: 1 })
      .explain();
    expect(plan['executionStats']).toMatchObject({ totalDocsExamined: 3 });
  });

  it('refuses a client that asks for no answer to its writes', async () => {
    const silent = new MongoStore({ db: client.db('keycard', { writeConcern: { w: 0 } }), collectionName });
    calls.length = 0;
    await expect(silent.create('silent', record(1))).rejects.toMatchObject({ code: 'REFUSED' });
    await expect(silent.destroy('silent')).rejects.toMatchObject({ code: 'REFUSED' });
    await expect(silent.open()).rejects.toMatchObject({ code: 'REFUSED' });
    expect(calls).toEqual([]);
  });

  it.each(['v1.24.0', 'v0.9.4', '1.0.0'])(
    'refuses at start, in one sentence, FerretDB %s, whose updates are not atomic (#14.6)',
    async (ferretdbVersion) => {
      const store = new MongoStore({ db: saying({ version: '7.0.42', ferretdbVersion }), collectionName });
      calls.length = 0;
      await expect(store.open()).rejects.toMatchObject({
        code: 'REFUSED',
        message: `MongoStore needs a server whose updates are atomic, but FerretDB ${ferretdbVersion} loses concurrent changes. Use MongoDB, or FerretDB 2.`,
      });
      expect(calls).toEqual([]);
      await store.close();
    },
  );

  it.each([{ version: '7.0.0' }, { ferretdb: { version: 'v2.1.0' } }, { ferretdbVersion: 'v2.0.0' }])(
    'takes a server that says %j (#14.6)',
    async (buildInfo) => {
      const store = new MongoStore({ db: saying(buildInfo), collectionName });
      await store.open();
      await store.close();
    },
  );
});
