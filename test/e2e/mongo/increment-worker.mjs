// One of several processes that count up one key of one session.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { countUp } from '../../support/counting-worker.mjs';

const [lib, url, collectionName, stringify, id, times] = process.argv.slice(2);
const { MongoStore } = await import(pathToFileURL(join(lib, 'stores', 'mongo', 'index.js')).href);
const store = new MongoStore({ url, collectionName, stringify: stringify === 'true', pruneInterval: false });
await store.open();
await countUp(store, id, Number(times));
await store.close();
process.disconnect();
