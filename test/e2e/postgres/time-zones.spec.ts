import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Pool } from 'pg';
import { PostgresStore } from '../../../lib/stores/postgres/index.js';
import type { SessionRecord } from '../../../lib/stores/session-store.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

const HOUR = 3_600_000;
const ZONES = ['UTC', 'America/New_York', 'Asia/Kathmandu', 'Pacific/Kiritimati', 'Etc/GMT+12', 'Pacific/Chatham'];
/** Winter and summer, both nights on which New York's clocks change, and the hour that comes twice. */
const NOWS = ['2026-01-15T12:00:00Z', '2026-07-15T12:00:00Z', '2026-03-08T06:30:00Z', '2026-11-01T04:50:00Z'].map(
  Date.parse,
);

describeWithServer('postgres', (server) => {
  const tableName = uniqueName('zones');
  const pools = new Map<string, Pool>();
  let now = NOWS[0]!;
  const clock = { now: () => now };

  const poolIn = (zone: string): Pool => {
    const pool = pools.get(zone) ?? new Pool({ connectionString: server.url, options: `-c TimeZone=${zone}`, max: 2 });
    pools.set(zone, pool);
    return pool;
  };
  const storeIn = (zone: string) => new PostgresStore({ pool: poolIn(zone), tableName, clock, pruneInterval: false });
  const endingAt = (expiresAt: number): SessionRecord => {
    const cookie = { originalMaxAge: HOUR, expires: new Date(expiresAt).toISOString(), path: '/' };
    return { text: JSON.stringify({ cookie, __keycard: { v: 1, p: '7' } }), expiresAt, principal: '7' };
  };
  /** What connect-pg-simple does, through a connection in this zone. */
  const peerSets = (zone: string, id: string, text: string, seconds: number) =>
    poolIn(zone).query(
      `INSERT INTO ${tableName} (sess, expire, sid) SELECT $1, to_timestamp($2), $3
       ON CONFLICT (sid) DO UPDATE SET sess=$1, expire=to_timestamp($2) RETURNING sid`,
      [text, seconds, id],
    );

  beforeAll(() => storeIn('UTC').open());
  afterAll(async () => {
    await poolIn('UTC').query(`DROP TABLE ${tableName}`);
    for (const pool of pools.values()) await pool.end();
  });

  it('reads through a connection in any zone, to the ms, what was written through one in any other', async () => {
    for (const [n, start] of NOWS.entries()) {
      now = start;
      for (const zone of ZONES) {
        for (let quarter = 0; quarter < 12; quarter++) {
          const id = `${n}-${zone}-${quarter}`;
          await storeIn(zone).create(id, endingAt(start + 1 + quarter * 900_123));
          for (const other of [zone, 'UTC', 'America/New_York', 'Pacific/Kiritimati']) {
            expect((await storeIn(other).load(id))?.expiresAt).toBe(start + 1 + quarter * 900_123);
          }
        }
      }
    }
  });

  it('ends a session at its very ms in every zone: load, list, count, replace and prune agree', async () => {
    await storeIn('UTC').clear();
    now = NOWS[0]!;
    for (const zone of ZONES) await storeIn(zone).create(zone, endingAt(now + HOUR));
    const revision = (await storeIn('UTC').load('UTC'))!.revision;
    const seen = async (zone: string) => {
      const store = storeIn(zone);
      let listed = 0;
      for await (const { expiresAt } of store.list()) listed += expiresAt === NOWS[0]! + HOUR ? 1 : 0;
      return [listed, await store.count(), await store.count({ principal: '7' }), await store.prune()];
    };
    now += HOUR - 1;
    for (const zone of ZONES) expect(await seen(zone)).toEqual([ZONES.length, ZONES.length, ZONES.length, 0]);
    now += 1;
    for (const zone of ZONES) expect((await seen(zone)).slice(0, 3)).toEqual([0, 0, 0]);
    expect(await storeIn('UTC').replace('UTC', endingAt(now + HOUR), revision)).toBe('gone');
  });

  it('prunes the dead of every zone within 26 hours, through a connection in whatever zone', async () => {
    for (const zone of ZONES) {
      await storeIn('UTC').clear();
      now = NOWS[0]!;
      for (const writer of ZONES) await storeIn(writer).create(writer, endingAt(now + HOUR));
      await storeIn('UTC').create('alive', endingAt(now + 28 * HOUR));
      now += 27 * HOUR + 1;
      expect(await storeIn(zone).prune()).toBe(ZONES.length);
      expect(await storeIn(zone).load('alive')).toBeDefined();
    }
  });

  it('knows when a session ends that a peer has set in another zone than ours', async () => {
    now = NOWS[0]!;
    for (const zone of ZONES) {
      for (const ours of ZONES) {
        const id = `peer-${zone}-${ours}`;
        const end = now + HOUR;
        await storeIn(ours).create(id, endingAt(now + 2 * HOUR));
        await peerSets(zone, id, endingAt(end).text, Math.ceil(end / 1_000));
        expect((await storeIn(ours).load(id))?.expiresAt).toBe(end);
        expect(await storeIn(ours).destroy(id)).toBe('ok');
      }
    }
  });

  it('reads what a peer has touched as the peer does, in a shared zone', async () => {
    now = NOWS[0]!;
    for (const zone of ZONES) {
      await storeIn(zone).create(`touched-${zone}`, endingAt(now + HOUR));
      const end = Math.ceil(now / 1_000) + 5_017;
      await poolIn(zone).query(`UPDATE ${tableName} SET expire = to_timestamp($1) WHERE sid = $2`, [
        end,
        `touched-${zone}`,
      ]);
      expect((await storeIn(zone).load(`touched-${zone}`))?.expiresAt).toBe(end * 1_000);
    }
  });

  it('prunes nothing that a peer keeps alive in a zone of its own', async () => {
    now = NOWS[0]!;
    for (const zone of ZONES) {
      await storeIn('UTC').clear();
      const text = JSON.stringify({ cookie: { originalMaxAge: null, expires: null, path: '/' } });
      await peerSets(zone, 'peer', text, Math.ceil(now / 1_000) + 60);
      for (const ours of ZONES) expect(await storeIn(ours).prune()).toBe(0);
    }
  });
});
