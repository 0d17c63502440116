// One of several processes that count up one key of one session.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Cluster, Redis } from 'ioredis';
import { countUp } from '../../support/counting-worker.mjs';

const [lib, urls, prefix, id, times] = process.argv.slice(2);
const { RedisStore } = await import(pathToFileURL(join(lib, 'stores', 'redis', 'index.js')).href);

const nodes = urls.split(',');
const addresses = nodes.map((node) => ({ host: node.split(':')[0], port: Number(node.split(':')[1]) }));
const client = urls.includes('://') ? new Redis(urls) : new Cluster(addresses);
const store = new RedisStore({ client, prefix });
await store.open();
await countUp(store, id, Number(times));
client.disconnect();
process.disconnect();
