// One of several processes that count up one key of one session by compare-and-swap.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Cluster, Redis } from 'ioredis';

const [lib, urls, prefix, times] = process.argv.slice(2);
const { RedisStore } = await import(pathToFileURL(join(lib, 'stores', 'redis', 'index.js')).href);

const nodes = urls.split(',');
const addresses = nodes.map((node) => ({ host: node.split(':')[0], port: Number(node.split(':')[1]) }));
const client = urls.includes('://') ? new Redis(urls) : new Cluster(addresses);
const store = new RedisStore({ client, prefix });
await store.open();

let conflicts = 0;
process.send('ready');
await new Promise((resolve) => process.once('message', resolve));
for (let n = 0; n < Number(times);) {
  const { text, revision } = await store.load('counter');
  const session = JSON.parse(text);
  session.views += 1;
  const record = { text: JSON.stringify(session), expiresAt: Date.now() + 60_000, principal: '7' };
  if ((await store.replace('counter', record, revision)) === 'ok') n += 1;
  else conflicts += 1;
}
process.send({ conflicts });
client.disconnect();
process.disconnect();
