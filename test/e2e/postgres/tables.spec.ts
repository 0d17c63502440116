import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { Pool } from 'pg';
import { PostgresStore, type PostgresStoreOptions } from '../../../lib/stores/postgres/index.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

const END = Date.now() + 3_600_000;
const record = { text: '{"cookie":{},"views":1,"__keycard":{"v":1,"p":"7"}}', expiresAt: END, principal: '7' };

describeWithServer('postgres', (server) => {
  const schemaName = uniqueName('we"ird');
  let pool: Pool;
  const storeOf = (options: Partial<PostgresStoreOptions>) =>
    new PostgresStore({ pool, schemaName, pruneInterval: false, ...options });
  const indexesOf = async (tableName: string) => {
    const text = 'SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = $1 AND tablename = $2 ORDER BY 1';
    return (await pool.query<{ indexname: string; indexdef: string }>(text, [schemaName, tableName])).rows;
  };
  const quoted = (tableName: string) => `"${schemaName.replaceAll('"', '""')}"."${tableName.replaceAll('"', '""')}"`;
  const peersTable = (tableName: string, types = { sess: 'json', expire: 'timestamp(6)' }) =>
    pool.query(`CREATE TABLE ${quoted(tableName)} (
      sid varchar NOT NULL COLLATE "default" PRIMARY KEY, sess ${types.sess} NOT NULL, expire ${types.expire} NOT NULL)`);

  beforeAll(async () => {
    pool = new Pool({ connectionString: server.url, max: 8 });
    await pool.query(`CREATE SCHEMA "${schemaName.replaceAll('"', '""')}"`);
  });
  afterAll(async () => {
    await pool.query(`DROP SCHEMA "${schemaName.replaceAll('"', '""')}" CASCADE`);
    await pool.end();
  });

  it("makes the peer's table with the peer's names, and an index by principal", async () => {
    await storeOf({}).open();
    expect((await indexesOf('session')).map(({ indexname }) => indexname)).toEqual([
      'IDX_session_expire',
      'IDX_session_principal',
      'session_pkey',
    ]);
    const { rows } = await pool.query(
      `SELECT column_name, data_type, is_nullable, datetime_precision FROM information_schema.columns
       WHERE table_schema = $1 AND table_name = 'session' ORDER BY ordinal_position`,
      [schemaName],
    );
    expect(rows.map((row) => Object.values(row))).toEqual([
      ['sid', 'character varying', 'NO', null],
      ['sess', 'json', 'NO', null],
      ['expire', 'timestamp without time zone', 'NO', 6],
    ]);
  });

  it('has all it needs after the statements of the docs', async () => {
    const warning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const docs = readFileSync(join(import.meta.dirname, '../../../docs/stores/postgres.md'), 'utf8');
    const statements = /```sql\n(CREATE TABLE[^]*?)```/.exec(docs)![1]!;
    const mine = uniqueName('docs');
    await pool.query(`CREATE SCHEMA ${mine}; SET LOCAL search_path = ${mine}; ${statements}`);
    const store = storeOf({ schemaName: mine, createTableIfMissing: false });
    await store.open();
    expect(warning).not.toHaveBeenCalled();
    warning.mockRestore();
    const made = async (schema: string) => {
      const text = 'SELECT indexdef FROM pg_indexes WHERE schemaname = $1 AND tablename = $2 ORDER BY indexname';
      const { rows } = await pool.query<{ indexdef: string }>(text, [schema, 'session']);
      return rows.map(({ indexdef }) => indexdef.replace(/ON .*? USING/, 'USING'));
    };
    expect(await made(mine)).toEqual(await made(schemaName));
    await pool.query(`DROP SCHEMA ${mine} CASCADE`);
  });

  it('makes several tables in one schema, whatever their names, and keeps them apart', async () => {
    const names = ['second', 'we"ird', "o'neill; DROP TABLE second", 'x'.repeat(63), `${'x'.repeat(62)}y`];
    for (const tableName of names) {
      const store = storeOf({ tableName });
      await store.open();
      await store.create('id', record);
      expect(await store.count()).toBe(1);
      expect((await store.load('id'))?.text).toBe(record.text);
      expect((await indexesOf(tableName)).length).toBe(3);
    }
  });

  it('makes one table if many stores start at once, or shortly after each other', async () => {
    for (let round = 0; round < 20; round++) {
      const tableName = `at_once_${round}`;
      const open = async (n: number) => {
        await wait(((n * round) / 8) | 0);
        await storeOf({ tableName }).open();
      };
      await Promise.all([...Array(8).keys()].map(open));
      expect((await indexesOf(tableName)).map(({ indexname }) => indexname)).toEqual([
        `IDX_${tableName}_expire`,
        `IDX_${tableName}_principal`,
        `${tableName}_pkey`,
      ]);
    }
  });

  it("adds its index to a table of the peer's, and finds what is there already by principal", async () => {
    await peersTable('peers');
    // The peer writes whole milliseconds: the digits below them are our mark of a time zone.
    await pool.query(
      `INSERT INTO ${quoted('peers')} VALUES ('old', $1, date_trunc('milliseconds', now()) + interval '1 hour')`,
      [record.text],
    );
    const store = storeOf({ tableName: 'peers' });
    await store.open();
    expect((await indexesOf('peers')).map(({ indexname }) => indexname)).toEqual([
      'IDX_peers_expire',
      'IDX_peers_principal',
      'peers_pkey',
    ]);
    expect(await store.count({ principal: '7' })).toBe(1);
  });

  it('finds another name for an index if the usual one is taken', async () => {
    await pool.query(`CREATE INDEX "IDX_taken_expire" ON ${quoted('session')} (expire)`);
    await storeOf({ tableName: 'taken' }).open();
    expect((await indexesOf('taken')).filter(({ indexdef }) => indexdef.includes('(expire)')).length).toBe(1);
    await pool.query(`DROP INDEX ${quoted('IDX_taken_expire')}`);
  });

  it('says what to do if the table is missing and may not be created', async () => {
    const store = storeOf({ tableName: 'nowhere', createTableIfMissing: false });
    await expect(store.open()).rejects.toMatchObject({
      name: 'SessionStoreError',
      code: 'REFUSED',
      message: expect.stringMatching(/createTableIfMissing: true, or run:\nCREATE TABLE[^]*IDX_nowhere_principal/),
    });
    await expect(store.load('id')).rejects.toMatchObject({
      code: 'REFUSED',
      cause: expect.objectContaining({ code: '42P01' }),
    });
    await expect(storeOf({ schemaName: 'no such', tableName: 'x' }).open()).rejects.toMatchObject({
      code: 'REFUSED',
      message: expect.stringContaining('could not be created'),
      cause: expect.objectContaining({ code: '3F000' }),
    });
  });

  it('refuses a table whose columns mean something else', async () => {
    await peersTable('zoned', { sess: 'json', expire: 'timestamptz' });
    await expect(storeOf({ tableName: 'zoned' }).open()).rejects.toMatchObject({
      code: 'REFUSED',
      message: expect.stringContaining('the column "expire" of type timestamp with time zone'),
    });
    await pool.query(`CREATE TABLE ${quoted('other')} (sid varchar PRIMARY KEY)`);
    await expect(storeOf({ tableName: 'other' }).open()).rejects.toMatchObject({
      message: expect.stringContaining('no column "sess"'),
    });
  });

  it('works on a jsonb column, with a warning', async () => {
    const warning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    await peersTable('binary', { sess: 'jsonb', expire: 'timestamp(6)' });
    const store = storeOf({ tableName: 'binary' });
    await store.open();
    expect(warning).toHaveBeenCalledWith(expect.stringContaining('jsonb'), expect.anything());
    warning.mockRestore();
    await store.create('id', record);
    const { revision } = (await store.load('id'))!;
    const next = { ...record, text: record.text.replace('"views":1', '"views":2') };
    expect(await store.replace('id', next, revision)).toBe('ok');
    expect(await store.replace('id', record, revision)).toBe('conflict');
    expect(await store.count({ principal: '7' })).toBe(1);
  });

  it('leaves a table without its indexes if the app asks for that, or the table is large, and says so', async () => {
    const warning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    await peersTable('unwished');
    await storeOf({ tableName: 'unwished', createTableIfMissing: false }).open();
    await peersTable('large');
    // A row a page: 65 MiB of pages with little in them.
    await pool.query(`ALTER TABLE ${quoted('large')} SET (fillfactor = 10)`);
    await pool.query(
      `INSERT INTO ${quoted('large')} SELECT n, to_json(repeat('x', 500)), '2999-01-01' FROM generate_series(1, 8320) n`,
    );
    await storeOf({ tableName: 'large' }).open();
    expect(warning.mock.calls.map(([message]) => String(message).match(/CREATE INDEX CONCURRENTLY/g)?.length)).toEqual([
      2, 2,
    ]);
    warning.mockRestore();
    expect((await indexesOf('unwished')).length).toBe(1);
    expect((await indexesOf('large')).length).toBe(1);
    expect(await storeOf({ tableName: 'large' }).count()).toBe(8320);
  });

  it('warns and works without an index that the role may not make', async () => {
    const warning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const role = uniqueName('guest');
    await peersTable('owned');
    await pool.query(`CREATE ROLE ${role} LOGIN; GRANT USAGE ON SCHEMA "${schemaName.replaceAll('"', '""')}" TO ${role};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ${quoted('owned')} TO ${role}`);
    const url = new URL(server.url);
    url.username = role;
    const guest = new Pool({ connectionString: url.href });
    const store = storeOf({ pool: guest, tableName: 'owned' });
    await store.open();
    expect(warning).toHaveBeenCalledTimes(1);
    expect(warning.mock.calls[0]![0]).toContain('CREATE INDEX CONCURRENTLY');
    warning.mockRestore();
    await store.create('id', record);
    expect(await store.count({ principal: '7' })).toBe(1);
    await expect(storeOf({ pool: guest, tableName: 'session' }).load('id')).rejects.toMatchObject({
      code: 'REFUSED',
      message: expect.stringContaining('grant it'),
    });
    await guest.end();
    await pool.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });
});
