import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Pool } from 'pg';
import { PostgresStore } from '../../../lib/stores/postgres/index.js';
import { postgresQueries } from '../../../lib/stores/postgres/postgres-queries.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

const USERS = 1_000;
const EACH = 10;
const END = Date.now() + 3_600_000;

interface Plan {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly Plan[];
}

const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

describeWithServer('postgres', (server) => {
  const tableName = uniqueName('principals');
  const queries = postgresQueries(tableName, undefined);
  let pool: Pool;
  let store: PostgresStore;

  /** The table is as fresh as can be: nobody has analysed it, so the planner has to guess. */
  const touched = async (text: string, values: unknown[]) => {
    const { rows } = await pool.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, values);
    const nodes = nodesOf((rows[0] as { 'QUERY PLAN': [{ Plan: Plan }] })['QUERY PLAN'][0].Plan);
    return {
      indexes: nodes.flatMap((node) => node['Index Name'] ?? []),
      scans: nodes.filter((node) => node['Node Type'] === 'Seq Scan').length,
      most: Math.max(
        ...nodes.map(
          (node) =>
            node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0),
        ),
      ),
    };
  };

  beforeAll(async () => {
    pool = new Pool({ connectionString: server.url, max: 2 });
    store = new PostgresStore({ pool, tableName, pruneInterval: false });
    await store.open();
    await pool.query(`ALTER TABLE ${tableName} SET (autovacuum_enabled = false)`);
    const writes = Array.from({ length: USERS * EACH }, (_, n) => {
      const principal = `user-${n % USERS}`;
      const text = JSON.stringify({
        cookie: {},
        user: { name: 'John Doe' },
        n,
        __keycard: { v: 1, e: END, p: principal },
      });
      return store.create(`id-${n}`, { text, expiresAt: END, principal });
    });
    await Promise.all(writes);
  });
  afterAll(async () => {
    await pool.query(`DROP TABLE ${tableName}`);
    await pool.end();
  });

  for (const analysed of [false, true]) {
    it(`touches one user's rows, and not those of all, ${analysed ? 'with' : 'without'} statistics`, async () => {
      if (analysed) await pool.query(`ANALYZE ${tableName}`);
      const index = [`IDX_${tableName}_principal`];
      const list = await touched(queries.listPrincipal, ['', 100, 'user-7']);
      expect(list).toEqual({ indexes: index, scans: 0, most: EACH });
      // Where few rows are asked for, walking the key's index until they turn up seems cheap, and isn't.
      const few = await touched(queries.listPrincipal, ['', 1, 'user-7']);
      expect(few).toEqual({ indexes: index, scans: 0, most: EACH });
      const count = await touched(queries.countPrincipal, [new Date().toISOString(), 'user-7']);
      expect(count).toEqual({ indexes: index, scans: 0, most: EACH });
      const load = await touched(queries.load.text, [['id-1', 'id-2', 'id-3']]);
      expect(load).toEqual({ indexes: [`${tableName}_pkey`], scans: 0, most: 3 });
    });
  }

  it('has plans that stay right while an empty table fills', async () => {
    const fresh = uniqueName('fresh');
    await new PostgresStore({ pool, tableName: fresh }).open();
    const client = await pool.connect();
    await client.query('SET plan_cache_mode = force_generic_plan');
    const { load, update, updateMany, remove } = postgresQueries(fresh, undefined);
    const counts = [load, update, updateMany, remove].map(({ name, text }) => ({
      name,
      text,
      parameters: new Set(text.match(/\$\d/g)).size,
    }));
    for (const { name, text, parameters } of counts) {
      await client.query(`PREPARE ${name} AS ${text}`);
      const values = Array.from({ length: parameters }, () => 'NULL').join();
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN EXECUTE ${name}(${values})`);
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).toContain(`${fresh}_pkey`);
      expect(plan).not.toContain('Seq Scan');
    }
    client.release(true);
    await pool.query(`DROP TABLE ${fresh}`);
  });

  it('finds all sessions of one user, and only those', async () => {
    const found: unknown[] = [];
    for await (const { text } of store.list({ principal: 'user-7', batch: 3 }))
      found.push((JSON.parse(text) as { n: number }).n % USERS);
    expect(found).toEqual(Array.from({ length: EACH }, () => 7));
    expect(await store.count({ principal: 'user-7' })).toBe(EACH);
    expect(await store.count()).toBe(USERS * EACH);
  });

  it('prunes in batches through the index, without waiting for rows that are locked', async () => {
    const past = Date.now() - 5_000;
    const dead = Array.from({ length: 2_500 }, (_, n) => store.create(`dead-${n}`, { text: '{}', expiresAt: past }));
    await Promise.all(dead);
    const plan = await touched(queries.prune.replace('DELETE FROM', 'SELECT FROM'), [new Date().toISOString(), 1_000]);
    expect(plan.indexes).toContain(`IDX_${tableName}_expire`);
    expect(plan.most).toBe(1_000);

    const holder = await pool.connect();
    await holder.query(`BEGIN; SELECT FROM ${tableName} WHERE sid = 'dead-7' FOR UPDATE`);
    expect(await store.prune()).toBe(2_499);
    await holder.query('COMMIT');
    holder.release();
    expect(await store.prune()).toBe(1);
    expect(await store.count()).toBe(USERS * EACH);
  });
});
