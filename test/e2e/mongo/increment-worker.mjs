// Adds one, so many times, by compare-and-swap; then tells how often somebody else was faster.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [lib, url, collectionName, stringify, id, times] = process.argv.slice(2);
const { MongoStore } = await import(pathToFileURL(join(lib, 'stores', 'mongo', 'index.js')).href);
const store = new MongoStore({ url, collectionName, stringify: stringify === 'true', pruneInterval: false });
await store.open();
process.send('ready');
await new Promise((resolve) => process.once('message', resolve));

let conflicts = 0;
for (let done = 0; done < Number(times);) {
  const { text, expiresAt, revision } = await store.load(id);
  const data = JSON.parse(text);
  data.views += 1;
  const result = await store.replace(id, { text: JSON.stringify(data), expiresAt }, revision);
  if (result === 'ok') done += 1;
  else if (result === 'conflict') conflicts += 1;
  else throw new Error(`It is ${result}.`);
}
await store.close();
process.send({ conflicts });
process.disconnect();
