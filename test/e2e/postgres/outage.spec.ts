import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { Client, Pool } from 'pg';
import { PostgresStore, type PostgresStoreOptions } from '../../../lib/stores/postgres/index.js';
import { SessionStoreError } from '../../../lib/stores/session-store.error.js';
import { describeWithProgram, uniqueName } from '../../support/servers/available.js';
import { startPostgres } from '../../support/servers/postgres.mjs';

const END = Date.now() + 3_600_000;
const record = { text: '{"cookie":{},"views":1}', expiresAt: END };

type Server = Awaited<ReturnType<typeof startPostgres>>;

/** Loads all the time, and keeps what came of it. */
class Load {
  readonly outcomes: { at: number; error?: unknown }[] = [];
  private going = true;
  private readonly done: Promise<unknown>;

  constructor(store: PostgresStore) {
    this.done = Promise.all([0, 1, 2, 3].map(() => this.run(store)));
  }

  private async run(store: PostgresStore): Promise<void> {
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

  /** The first success from then on, waited for. */
  async goesOnWithin(ms: number): Promise<boolean> {
    const from = Date.now();
    while (Date.now() < from + ms) {
      if (this.outcomes.some(({ at, error }) => at >= from && error === undefined)) return true;
      await wait(20);
    }
    return false;
  }
}

describeWithProgram('postgres', () => {
  let server: Server;
  const opened: { close(): Promise<unknown> }[] = [];
  const storeOf = async (options: (url: string) => PostgresStoreOptions): Promise<PostgresStore> => {
    const store = new PostgresStore({ pruneInterval: false, queryTimeout: '700ms', ...options(server.url) });
    opened.push(store);
    await store.open();
    await store.destroy('kept');
    await store.create('kept', record);
    return store;
  };
  const ownPool = () => storeOf((connectionString) => ({ connectionString }));
  const givenPool = () =>
    storeOf((connectionString) => {
      const pool = new Pool({ connectionString });
      opened.unshift({ close: () => pool.end() });
      return { pool };
    });

  beforeAll(async () => {
    server = await startPostgres();
  }, 60_000);
  afterAll(() => server.stop());
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one.close();
  });

  const expectStoreErrors = (load: Load) => {
    expect(load.errors.length).toBeGreaterThan(0);
    for (const error of load.errors) expect(error).toBeInstanceOf(SessionStoreError);
  };

  for (const [what, make] of [
    ['a pool of its own', ownPool],
    ['a pool that it was given', givenPool],
  ] as const) {
    it(`fails while the server is stopped, and works again when it is back, with ${what}`, async () => {
      const load = new Load(await make());
      await wait(100);
      await server.halt();
      await wait(300);
      await server.restart();
      expect(await load.goesOnWithin(2_000)).toBe(true);
      await load.stop();
      expectStoreErrors(load);
    }, 30_000);

    it(`survives a server that is killed, with ${what}`, async () => {
      const load = new Load(await make());
      await wait(100);
      await server.kill();
      await wait(300);
      await server.restart();
      expect(await load.goesOnWithin(2_000)).toBe(true);
      await load.stop();
      expectStoreErrors(load);
    }, 30_000);

    it(`gives up on a frozen server in queryTimeout, and works again when it thaws, with ${what}`, async () => {
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

  it('says with the cause that a server is not there, or refuses the login', async () => {
    const away = new PostgresStore({ connectionString: 'postgres://postgres@127.0.0.1:1/none' });
    await expect(away.open()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      cause: expect.objectContaining({ code: 'ECONNREFUSED' }),
    });
    await away.close();
    const url = new URL(server.url);
    url.pathname = '/no_such_database';
    const refused = new PostgresStore({ connectionString: url.href });
    await expect(refused.open()).rejects.toMatchObject({
      code: 'REFUSED',
      cause: expect.objectContaining({ code: '3D000' }),
    });
    await refused.close();
  });

  it('fails on a client whose connection broke, without ending the process', async () => {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    const store = await storeOf(() => ({ client }));
    const other = await ownPool();
    const admin = new Client({ connectionString: server.url });
    await admin.connect();
    await admin.query(
      'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND client_port IS NOT NULL',
    );
    await admin.end();
    await expect(store.load('kept')).rejects.toMatchObject({ name: 'SessionStoreError', code: 'UNAVAILABLE' });
    // The pool loses an idle connection, and makes another.
    await wait(200);
    expect((await other.load('kept'))?.text).toBe(record.text);
  });

  it('gives up on a connection that is not made either', async () => {
    const pool = new Pool({ connectionString: server.url });
    const store = new PostgresStore({ pool, queryTimeout: '300ms' });
    server.pause();
    try {
      await expect(store.load('kept')).rejects.toMatchObject({ name: 'SessionStoreError', code: 'TIMEOUT' });
    } finally {
      server.resume();
      await pool.end();
    }
  });

  it('sends what was called before close(), and refuses what comes later', async () => {
    const store = new PostgresStore({ connectionString: server.url });
    await store.open();
    await Promise.all([store.create('late', record), store.close(), store.close()]);
    for (const call of [() => store.load('late'), () => store.prune()]) {
      await expect(call()).rejects.toMatchObject({ code: 'CLOSED' });
    }
    expect((await (await ownPool()).load('late'))?.text).toBe(record.text);
  });

  it('is closed when its last call has been answered, also with a pool that it was given', async () => {
    const store = await givenPool();
    const [answered, { revision }] = [[] as string[], (await store.load('kept'))!];
    const calls = [store.replace('kept', record, revision), store.destroy('nothing'), store.count()];
    await Promise.all([
      ...calls.map((call, n) => call.then(() => answered.push(`call ${n}`))),
      store.close().then(() => answered.push('closed')),
    ]);
    expect(answered.at(-1)).toBe('closed');
  });

  it('leaves a pool open that it was given, and listens for its errors, once for all stores, until it has ended', async () => {
    const pool = new Pool({ connectionString: server.url });
    for (const store of [new PostgresStore({ pool }), new PostgresStore({ pool })]) {
      await store.open();
      await store.close();
    }
    // Its `end()` is over before its connections are, and a server that goes then would end the process.
    expect(pool.listenerCount('error')).toBe(1);
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });

  it('closes in bounded time on a server that is frozen', async () => {
    const pool = new Pool({ connectionString: server.url });
    const store = new PostgresStore({ pool, pruneInterval: false, queryTimeout: '300ms' });
    await store.open();
    server.pause();
    try {
      const pruning = store.prune().catch(() => 'failed');
      const from = Date.now();
      await store.close();
      expect(Date.now() - from).toBeLessThan(5_000);
      server.resume();
      await pruning;
    } finally {
      server.resume();
      await pool.end();
    }
  });

  it('removes what has expired by itself, until it is closed', async () => {
    const pool = new Pool({ connectionString: server.url });
    const asked: string[] = [];
    const { query } = pool;
    pool.query = ((...parameters: unknown[]) => {
      asked.push(JSON.stringify(parameters[0]));
      return (query as (...parameters: unknown[]) => unknown).apply(pool, parameters);
    }) as never;
    const tableName = uniqueName('pruned');
    const store = new PostgresStore({ pool, tableName, pruneInterval: '20ms' });
    await store.open();
    await store.create('old', { ...record, expiresAt: Date.now() - 1_000 });
    await store.create('new', record);
    const left = async () => (await pool.query(`SELECT sid FROM ${tableName}`)).rows.map(({ sid }) => sid as string);
    for (let n = 0; n < 200 && (await left()).includes('old'); n += 1) await wait(20);
    expect(await left()).toEqual(['new']);
    await store.close();
    asked.length = 0;
    await wait(200);
    expect(asked).toEqual([]);
    await pool.query(`DROP TABLE ${tableName}`);
    await pool.end();
  });

  it('ends its own pool, so that nothing keeps the process', async () => {
    const name = `application_name=keycard_own`;
    const store = new PostgresStore({ connectionString: `${server.url}?${name}` });
    await store.open();
    const client = new Client({ connectionString: server.url });
    await client.connect();
    const count = async () =>
      Number(
        (await client.query(`SELECT count(*) FROM pg_stat_activity WHERE application_name = 'keycard_own'`)).rows[0]
          .count,
      );
    expect(await count()).toBeGreaterThan(0);
    await store.close();
    // The pool's `end()` is over before its connections are.
    for (let n = 0; n < 100 && (await count()) > 0; n += 1) await wait(50);
    expect(await count()).toBe(0);
    await client.end();
  });
});
