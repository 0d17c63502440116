import { createRequire } from 'node:module';
import expressSession, { type Store } from 'express-session';
import { PostgresStore } from 'nestjs-keycard/postgres';
import { Pool } from 'pg';
import { interopSuite } from '../../support/interop/interop-suite.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

type ConnectPg = new (options: object) => Store;
const ConnectPg = (createRequire(import.meta.url)('connect-pg-simple') as (session: unknown) => ConnectPg)(
  expressSession,
);

describeWithServer(
  'postgres',
  (server) =>
    interopSuite(async () => {
      const tableName = uniqueName('interop');
      // Not UTC: the column has no zone, and both sides have to mean the same.
      const pool = new Pool({ connectionString: server.url, max: 2, options: '-c TimeZone=America/New_York' });
      const ours = new PostgresStore({ pool, tableName, pruneInterval: false });
      await ours.open();
      return {
        peer: new ConnectPg({ pool, tableName, pruneSessionInterval: false }),
        ours,
        close: async () => {
          await ours.close();
          await pool.query(`DROP TABLE ${tableName}`);
          await pool.end();
        },
      };
    }),
  'between connect-pg-simple and PostgresStore',
);
