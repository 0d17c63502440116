import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Client, Pool } from 'pg';
import { PostgresStore, type PostgresClient } from '../../../lib/stores/postgres/index.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

const END = Date.now() + 3_600_000;
const recordOf = (n: number) => ({ text: JSON.stringify({ cookie: {}, n }), expiresAt: END });

describeWithServer('postgres', (server) => {
  const tableName = uniqueName('sharing');
  const sent: { text: string; named: boolean }[] = [];
  let pool: Pool;
  let store: PostgresStore;

  const counting = (client: PostgresClient): PostgresClient => ({
    query: (query) => {
      sent.push({ text: query.text.split(' ')[0]!, named: query.name !== undefined });
      return client.query(query);
    },
  });
  const kinds = () => sent.map(({ text }) => text);
  const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}-${n}`);
  const createAll = (names: string[]) => Promise.all(names.map((id, n) => store.create(id, recordOf(n))));
  const loadAll = (names: string[]) => Promise.all(names.map((id) => store.load(id)));

  beforeAll(async () => {
    pool = new Pool({ connectionString: server.url });
    store = new PostgresStore({ pool: counting(pool), tableName, pruneInterval: false });
    await store.open();
  });
  afterAll(async () => {
    await pool.query(`DROP TABLE ${tableName}`);
    await pool.end();
  });
  beforeEach(() => {
    sent.length = 0;
  });

  it('loads, creates and replaces 50 sessions of one moment with one query each', async () => {
    const names = ids('many', 50);
    await createAll(names);
    expect(kinds()).toEqual(['INSERT']);
    const found = await loadAll([...names, ...names, 'missing']);
    expect(found.map((one) => one && (JSON.parse(one.text) as { n: number }).n)).toEqual([
      ...names.keys(),
      ...names.keys(),
      undefined,
    ]);
    expect(kinds()).toEqual(['INSERT', 'SELECT']);
    const results = await Promise.all(names.map((id, n) => store.replace(id, recordOf(n + 100), found[n]!.revision)));
    expect(new Set(results)).toEqual(new Set(['ok']));
    expect(kinds()).toEqual(['INSERT', 'SELECT', 'UPDATE']);
    expect((await loadAll(names)).map((one) => one?.text)).toEqual(names.map((_, n) => recordOf(n + 100).text));
  });

  it('costs one query a read and one a write if no one shares it, each prepared under a name', async () => {
    await store.create('alone', recordOf(1));
    const { revision } = (await store.load('alone'))!;
    expect(await store.replace('alone', recordOf(2), revision)).toBe('ok');
    expect(await store.destroy('alone')).toBe('ok');
    expect(sent).toEqual(['INSERT', 'SELECT', 'UPDATE', 'DELETE'].map((text) => ({ text, named: true })));
  });

  it('tells each of those who share a write what became of theirs', async () => {
    const names = ids('mixed', 4);
    await createAll(names);
    const found = await loadAll(names);
    await store.replace(names[1]!, recordOf(11), found[1]!.revision);
    await store.destroy(names[2]!);
    sent.length = 0;
    const [, ...others] = names.map((id, n) => () => store.replace(id, recordOf(n + 20), found[n]!.revision));
    const twice = [20, 99].map((n) => store.replace(names[0]!, recordOf(n), found[0]!.revision));
    expect(await Promise.all(others.map((replace) => replace()))).toEqual(['conflict', 'gone', 'ok']);
    // They go apart, so either may be the first to arrive.
    expect((await Promise.all(twice)).sort()).toEqual(['conflict', 'ok']);
    expect(kinds().filter((kind) => kind === 'UPDATE').length).toBe(2);
    expect((await loadAll(names.slice(1))).map((one) => one?.text)).toEqual([
      recordOf(11).text,
      undefined,
      recordOf(23).text,
    ]);
  });

  it('shares without names too, and over a single client', async () => {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    const single = new PostgresStore({ client: counting(client), tableName, preparedStatements: false });
    const names = ids('single', 20);
    await Promise.all(names.map((id, n) => single.create(id, recordOf(n))));
    expect((await Promise.all(names.map((id) => single.load(id)))).map((one) => one?.text)).toEqual(
      names.map((_, n) => recordOf(n).text),
    );
    expect(sent).toEqual(['INSERT', 'SELECT'].map((text) => ({ text, named: false })));
    await client.end();
    await expect(single.load('any')).rejects.toMatchObject({
      name: 'SessionStoreError',
      code: 'UNAVAILABLE',
      cause: expect.any(Error),
    });
  });

  it('serves each of two writers whose rows lie across each other, deadlock or not', async () => {
    const names = ids('crossed', 30);
    await createAll(names);
    const other = new PostgresStore({ pool, tableName });
    for (let round = 0; round < 20; round++) {
      const found = await loadAll(names);
      const order = [...names.keys()];
      const [mine, theirs] = await Promise.all([
        Promise.all(order.map((n) => store.replace(names[n]!, recordOf(1_000 + round * 2), found[n]!.revision))),
        Promise.all(
          order.reverse().map((n) => other.replace(names[n]!, recordOf(1_001 + round * 2), found[n]!.revision)),
        ),
      ]);
      theirs.reverse();
      mine.forEach((result, n) => expect([result, theirs[n]].sort()).toEqual(['conflict', 'ok']));
    }
  });
});
