import type { Pool } from 'pg';
import { uniqueName } from './servers/available.js';

/**
 * A schema for a table that connect-pg-simple makes: whatever the table's name, its key is called `session_pkey`, and
 * a schema has room for one of that name. Specs run in parallel on one server.
 */
export async function makeSchema(pool: Pool): Promise<{ schemaName: string; drop(): Promise<void> }> {
  const schemaName = uniqueName('schema');
  await pool.query(`CREATE SCHEMA ${schemaName}`);
  return {
    schemaName,
    drop: async () => {
      await pool.query(`DROP SCHEMA ${schemaName} CASCADE`);
    },
  };
}
