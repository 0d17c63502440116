import { randomBytes } from 'node:crypto';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Pool } from 'pg';
import { type CompiledLib, compileLib } from '../../support/compile-lib.js';
import { describeWithServer, uniqueName } from '../../support/servers/available.js';

const script = join(import.meta.dirname, '../../support/closing-app.mjs');

let lib: CompiledLib;
beforeAll(async () => void (lib = await compileLib()));
afterAll(() => lib.remove());

/** What the process has printed, once it has ended by itself. */
function printed(kind: string, url: string, space = uniqueName('ends')): Promise<string> {
  const env = { ...process.env, NODE_OPTIONS: '', TEST_SECRET: randomBytes(32).toString('base64') };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [script, lib.path, kind, url, space], { env, timeout: 25_000 }, (error, out, err) =>
      error ? reject(new Error(`${error.message}\n${out}\n${err}`)) : resolve(out),
    );
  });
}

const TWICE = 'listens\nlistens\nclosed\n';

describe('a process ends after app.close()', () => {
  describeWithServer('redis', (server) => {
    it.each(['redis url', 'ioredis', 'node-redis', 'node-redis pool'])('#13.17 with %s', async (kind) => {
      expect(await printed(kind, server.url)).toBe(TWICE);
    });

    it('#13.17 with a client of its own that never found its server', async () => {
      expect(await printed('ioredis, away', server.url)).toMatch(
        /ECONNREFUSED at 127.*\n.*127\.0\.0\.1:1.*\nclosed\n$/,
      );
    });
  });

  describeWithServer('redis-cluster', (server) => {
    it('#13.17 with a cluster', async () => {
      expect(await printed('cluster', server.urls.map((at) => `redis://${at}`).join(','))).toBe(TWICE);
    });
  });

  describeWithServer('postgres', (server) => {
    it.each(['postgres connectionString', 'pool'])('#13.17 with %s', async (kind) => {
      const table = uniqueName('ends');
      expect(await printed(kind, server.url, table)).toBe(TWICE);
      const pool = new Pool({ connectionString: server.url });
      await pool.query(`DROP TABLE ${table}`);
      await pool.end();
    });
  });

  describeWithServer('mongo', (server) => {
    it.each(['mongo url', 'mongo client'])('#13.17 with %s', async (kind) => {
      expect(await printed(kind, server.url)).toBe(TWICE);
    });
  });
});
