import { describe, expect, it } from '@jest/globals';
import { PostgresStore, type PostgresStoreOptions } from '../../../../lib/stores/postgres/index.js';
import { resolveOptions } from '../../../../lib/stores/postgres/postgres-options.js';

const client = { query: () => Promise.resolve({ rows: [], rowCount: 0 }) };
const made = (options: unknown) => () => new PostgresStore(options as PostgresStoreOptions);

describe('PostgresStore options', () => {
  it('has a default for all but the server', () => {
    expect(resolveOptions({ client })).toMatchObject({
      tableName: 'session',
      schemaName: undefined,
      createTableIfMissing: true,
      pruneIntervalMs: 900_000,
      preparedStatements: true,
      queryTimeoutMs: 5_000,
    });
  });

  it('takes pruneInterval in ms, as text, or false (#14.4)', () => {
    expect(resolveOptions({ client, pruneInterval: 60_000 }).pruneIntervalMs).toBe(60_000);
    expect(resolveOptions({ client, pruneInterval: '1.5h' }).pruneIntervalMs).toBe(5_400_000);
    expect(resolveOptions({ client, pruneInterval: false }).pruneIntervalMs).toBe(false);
  });

  it('takes exactly one of pool, client and connectionString', () => {
    expect(made({})).toThrow('got 0 of "pool", "client" and "connectionString"');
    expect(made({ pool: client, connectionString: 'postgres://h' })).toThrow('got 2 of');
    expect(made({ pool: {} })).toThrow('query()');
    expect(made({ connectionString: '' })).toThrow('"connectionString"');
  });

  it('refuses names that PostgreSQL would cut off, and times that a timer can not wait', () => {
    expect(made({ client, tableName: 'ä'.repeat(32) })).toThrow('"tableName"');
    expect(made({ client, schemaName: '' })).toThrow('"schemaName"');
    for (const pruneInterval of [0, -1, NaN, '15', 'often', 10 ** 10]) {
      expect(made({ client, pruneInterval })).toThrow('"pruneInterval"');
    }
    expect(made({ client, queryTimeout: '0ms' })).toThrow('"queryTimeout"');
  });
});
