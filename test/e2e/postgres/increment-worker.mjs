// One of several processes that count up one key of one session.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { countUp } from '../../support/counting-worker.mjs';

const [lib, connectionString, tableName, id, times] = process.argv.slice(2);
const { PostgresStore } = await import(pathToFileURL(join(lib, 'stores', 'postgres', 'index.js')).href);
const store = new PostgresStore({ connectionString, tableName, pruneInterval: false });
await store.open();
await countUp(store, id, Number(times));
await store.close();
process.disconnect();
