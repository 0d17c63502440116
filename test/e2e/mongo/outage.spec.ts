import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { MongoStore, type MongoStoreOptions } from '../../../lib/stores/mongo/index.js';
import { SessionStoreError } from '../../../lib/stores/session-store.error.js';
import { describeWithProgram } from '../../support/servers/available.js';
import { startMongo } from '../../support/servers/mongo.mjs';

const record = { text: '{"cookie":{},"views":1}', expiresAt: Date.now() + 3_600_000 };

/** Loads all the time, and keeps what came of it. */
class Load {
  readonly outcomes: { at: number; error?: unknown }[] = [];
  private going = true;
  private readonly done: Promise<unknown>;

  constructor(store: MongoStore) {
    this.done = Promise.all([0, 1, 2, 3].map(() => this.run(store)));
  }

  private async run(store: MongoStore): Promise<void> {
    while (this.going) {
      try {
        const found = await store.load('kept');
        if (found?.text !== record.text) throw new Error('The session is lost.');
        this.outcomes.push({ at: Date.now() });
      } catch (error) {
        this.outcomes.push({ at: Date.now(), error });
      }
      await wait(5);
    }
  }

  async stop(): Promise<void> {
    this.going = false;
    await this.done;
  }

  get errors(): unknown[] {
    return this.outcomes.flatMap(({ error }) => (error === undefined ? [] : [error]));
  }

  /** A success from now on, waited for. */
  async goesOnWithin(ms: number): Promise<boolean> {
    const from = Date.now();
    while (Date.now() < from + ms) {
      if (this.outcomes.some(({ at, error }) => at >= from && error === undefined)) return true;
      await wait(20);
    }
    return false;
  }
}

describeWithProgram('mongo', () => {
  let server: Awaited<ReturnType<typeof startMongo>>;
  const opened: { close(): Promise<unknown> }[] = [];
  const storeOf = async (options: (url: string) => MongoStoreOptions): Promise<MongoStore> => {
    const store = new MongoStore({ pruneInterval: false, timeout: 700, ...options(server.url) });
    opened.push(store);
    await store.open();
    await store.destroy('kept');
    await store.create('kept', record);
    return store;
  };
  const ownClient = () => storeOf((url) => ({ url }));
  const givenClient = () =>
    storeOf((url) => {
      // Advised in docs/stores/mongo.md: else a check that begins just as the server goes may never end (mongodb 7.8).
      const client = new MongoClient(url, { heartbeatFrequencyMS: 500 });
      opened.unshift({ close: () => client.close() });
      return { client };
    });

  beforeAll(async () => {
    server = await startMongo();
  }, 60_000);
  afterAll(() => server.stop());
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one.close();
  });

  const expectStoreErrors = (load: Load) => {
    expect(load.errors.length).toBeGreaterThan(0);
    for (const error of load.errors) {
      expect(error).toBeInstanceOf(SessionStoreError);
      expect((error as SessionStoreError).code).toMatch(/^(UNAVAILABLE|TIMEOUT)$/);
    }
  };

  for (const [what, make] of [
    ['a client of its own', ownClient],
    ['a client that it was given', givenClient],
  ] as const) {
    for (const end of ['halt', 'kill'] as const) {
      it(`fails after a ${end} of the server, and works again when it is back, with ${what}`, async () => {
        const load = new Load(await make());
        await wait(100);
        await server[end]();
        await wait(1_500);
        await server.restart();

        expect(await load.goesOnWithin(2_000)).toBe(true);
        await load.stop();
        expectStoreErrors(load);
      }, 30_000);
    }

    it(`gives up on a frozen server in the time it has, and works again when it thaws, with ${what}`, async () => {
      const store = await make();
      const load = new Load(store);
      await wait(100);
      server.pause();
      const from = Date.now();
      await expect(store.load('kept')).rejects.toMatchObject({ name: 'SessionStoreError', code: 'TIMEOUT' });
      // Before it thaws.
      expect(Date.now() - from).toBeLessThan(2_900);
      await wait(Math.max(0, 3_000 - (Date.now() - from)));
      server.resume();
      expect(await load.goesOnWithin(2_000)).toBe(true);
      await load.stop();
      expectStoreErrors(load);
    }, 30_000);
  }

  it('says at start, within its time and with the cause, that no server is there', async () => {
    const store = new MongoStore({ url: 'mongodb://127.0.0.1:1/none' });
    const from = Date.now();
    const failure = store.open();
    await expect(failure).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('MongoDB is not available'),
      cause: expect.objectContaining({ name: 'MongoServerSelectionError' }),
    });
    expect(Date.now() - from).toBeLessThan(4_000);
    await store.close();
  });

  it('opens in a later try what it could not open in the first', async () => {
    const [attempt, later] = [Promise.reject(new Error('away')), new MongoClient(server.url)];
    attempt.catch(() => undefined);
    let client: Promise<MongoClient> = attempt;
    const store = new MongoStore({
      client: { then: (...call: Parameters<Promise<MongoClient>['then']>) => client.then(...call) } as never,
    });
    await expect(store.open()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    client = Promise.resolve(later);
    await store.open();
    await store.close();
    await later.close();
  });

  it('refuses every call after close(), until it is opened again', async () => {
    const store = await ownClient();
    await store.close();
    await store.close();
    const calls: (() => Promise<unknown>)[] = [
      () => store.load('kept'),
      () => store.create('new', record),
      () => store.replace('kept', record, undefined),
      () => store.destroy('kept'),
      () => store.prune(),
      () => store.count(),
      () => store.clear(),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'CLOSED' });
    await store.open();
    await store.load('kept');
    await store.close();
  });

  it('closes its own client, and never one that it was given', async () => {
    const client = new MongoClient(server.url);
    let closed = 0;
    client.on('close', () => (closed += 1));
    const given = new MongoStore({ client });
    await given.open();
    await given.close();
    expect(await client.db().command({ ping: 1 })).toMatchObject({ ok: 1 });
    expect(closed).toBe(0);
    await client.close();

    const own = new MongoStore({ url: server.url });
    await own.open();
    const connections = (own as unknown as { connection: { owned: MongoClient } }).connection.owned;
    let ended = 0;
    connections.on('connectionPoolClosed', () => (ended += 1));
    await own.close();
    expect(ended).toBe(1);
  });

  it('says that the given client was closed by the app', async () => {
    const client = new MongoClient(server.url);
    const store = new MongoStore({ client });
    await store.open();
    await client.close();
    // Some drivers connect again; if this one doesn't, the error is ours.
    const result = await store.load('none').catch((error: unknown) => error);
    if (result !== undefined) expect(result).toBeInstanceOf(SessionStoreError);
    await client.close();
  });
});
