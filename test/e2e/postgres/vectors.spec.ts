import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Pool } from 'pg';
import { PostgresStore } from '../../../lib/stores/postgres/index.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

interface Vector {
  readonly description: string;
  readonly connectionTimeZone: string;
  readonly statement: [text: string, values: [session: unknown, seconds: number, id: string]];
  readonly rows: [{ sid: string; sess: string; expire: string }];
  readonly getReturns: unknown;
  readonly touch10sLater: { expire: string };
}

const captured = JSON.parse(readFileSync(join(import.meta.dirname, '../../vectors/postgres.json'), 'utf8')) as {
  readonly vectors: readonly Vector[];
};
/** When the vectors were captured. */
const START = Date.parse('2026-01-01T00:00:00.000Z');

describeWithServer('postgres', (server) => {
  const schema = uniqueName('vectors');
  const pools: Pool[] = [];
  const clock = { now: () => START };

  const poolIn = (zone: string): Pool => {
    const options = `-c TimeZone=${zone} -c search_path=${schema}`;
    const pool = new Pool({ connectionString: server.url, options, max: 1 });
    pools.push(pool);
    return pool;
  };
  const empty = async (vector: Vector) => {
    const pool = poolIn(vector.connectionTimeZone);
    const store = new PostgresStore({ pool, clock, pruneInterval: false });
    await store.open();
    await store.clear();
    const rows = async () => (await pool.query('SELECT sid, sess::text, expire::text FROM session')).rows as unknown[];
    return { pool, store, rows };
  };

  beforeAll(async () => {
    await poolIn('UTC').query(`CREATE SCHEMA ${schema}`);
  });
  afterAll(async () => {
    await pools[0]!.query(`DROP SCHEMA ${schema} CASCADE`);
    await Promise.all(pools.map((pool) => pool.end()));
  });

  it('has five vectors', () => expect(captured.vectors.length).toBe(5));

  for (const vector of captured.vectors) {
    const [text, values] = vector.statement;
    const [, seconds, id] = values;
    const alive = vector.getReturns !== null;

    it(`reads what the peer writes: ${vector.description}`, async () => {
      const { pool, store, rows } = await empty(vector);
      await pool.query(text, values);
      expect(await rows()).toEqual(vector.rows);
      const found = await store.load(id);
      expect(found?.text).toBe(alive ? vector.rows[0].sess : undefined);
      expect(found?.expiresAt).toBe(alive ? seconds * 1_000 : undefined);
    });

    // Apart from the microseconds, which the peer leaves at zero, and where ours name the zone of the writer.
    it(`writes the peer's row, and the zone below the ms: ${vector.description}`, async () => {
      const { store, rows } = await empty(vector);
      await store.create(id, { text: vector.rows[0].sess, expiresAt: seconds * 1_000 });
      const mark = { UTC: '.0005', 'America/New_York': '.00048' }[vector.connectionTimeZone]!;
      expect(await rows()).toEqual([{ ...vector.rows[0], expire: vector.rows[0].expire + mark }]);
    });

    it(`sees a touch by the peer: ${vector.description}`, async () => {
      const { pool, store, rows } = await empty(vector);
      await store.create(id, { text: vector.rows[0].sess, expiresAt: seconds * 1_000 });
      await pool.query('UPDATE "session" SET expire = to_timestamp($1) WHERE sid = $2 RETURNING sid', [
        seconds + 10,
        id,
      ]);
      expect(await rows()).toEqual([{ ...vector.rows[0], expire: vector.touch10sLater.expire }]);
      // The peer's touch brings an expired session back for a moment: its defect, and not ours to mend.
      expect((await store.load(id))?.expiresAt).toBe((seconds + 10) * 1_000);
    });
  }
});
