// Prints the system calls of one request's work on a FileStore: node calls.mjs <lib> <folder>
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [lib, folder] = process.argv.slice(2);
const calls = [];
const watch = (object, call) => {
  const original = object[call];
  object[call] = (...args) => {
    calls.push(call);
    return original.apply(object, args);
  };
};
for (const call of [
  'readdir',
  'readdirSync',
  'opendir',
  'opendirSync',
  'fdatasync',
  'fsync',
  'linkSync',
  'renameSync',
  'openSync',
]) {
  watch(fs, call);
}
for (const call of ['readdir', 'opendir']) watch(fs.promises, call);
syncBuiltinESMExports();

const { FileStore } = await import(pathToFileURL(join(lib, 'stores/file/file.store.js')).href);
const store = new FileStore({ path: folder, pruneInterval: false });
const record = () => ({
  text: JSON.stringify({ cookie: { originalMaxAge: 86_400_000 }, n: Math.random() }),
  expiresAt: Date.now() + 86_400_000,
});
await store.open();
const found = {};
const during = async (name, work) => {
  calls.length = 0;
  await work();
  found[name] = [...calls];
};
await during('create', () => store.create('abc', record()));
let loaded;
await during('load', async () => (loaded = await store.load('abc')));
await during('replace', () => store.replace('abc', record(), loaded.revision));
await during('destroy', () => store.destroy('abc'));
console.log(JSON.stringify(found));
