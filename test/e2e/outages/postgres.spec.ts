import { PostgresStore } from 'nestjs-keycard/postgres';
import { Pool } from 'pg';
import { outageSuite } from '../../support/outage-suite.js';
import { describeWithProgram } from '../../support/servers/available.js';
import { startPostgres } from '../../support/servers/postgres.mjs';

describeWithProgram('postgres', () =>
  outageSuite(() => startPostgres(), {
    'a pool of the app': (url) => {
      const pool = new Pool({ connectionString: url, max: 4 });
      return {
        store: new PostgresStore({ pool, pruneInterval: false, createTableIfMissing: true }),
        close: () => pool.end(),
      };
    },
  }),
);
