import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Pool } from 'pg';
import { storeContract } from '../../lib/testing/store-contract.js';
import { PostgresStore } from '../../lib/stores/postgres/index.js';
import { describeWithServer, type SharedServer, uniqueName } from '../support/servers/available.js';

const runner = { describe, it, expect, beforeEach, afterEach };

function contractOn(server: SharedServer, name: string, preparedStatements: boolean): void {
  storeContract({
    name,
    runner,
    create: ({ clock }) => {
      const pool = new Pool({ connectionString: server.url, max: 3 });
      const tableName = uniqueName('contract');
      const make = () => new PostgresStore({ pool, tableName, clock, preparedStatements, pruneInterval: false });
      return {
        store: make(),
        reopen: make,
        corrupt: async (id, text) => {
          try {
            await pool.query(`UPDATE ${tableName} SET sess = $2 WHERE sid = $1`, [id, text]);
          } catch (error) {
            // The column's own type keeps out what isn't JSON.
            expect((error as { code: string }).code).toMatch(/^22/);
          }
        },
        close: async () => {
          await pool.query(`DROP TABLE ${tableName}`);
          await pool.end();
        },
      };
    },
  });
}

describeWithServer('postgres', (server) => contractOn(server, 'PostgresStore', true));
describeWithServer('pgbouncer', (server) => contractOn(server, 'PostgresStore through PgBouncer', false));
