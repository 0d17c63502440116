// Another process of an app, which has no sockets: node revoke-worker.mjs <lib> <store> <url> <space> <principal>. Says `ready`, is told to go on, says `ended <count>`.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { namedStore } from './named-store.mjs';

const [lib, name, url, space, principal] = process.argv.slice(2);
const from = (file) => import(pathToFileURL(join(lib, file)).href);
const { SessionManager } = await from('session-manager.js');
const { SessionRegistry } = await from('nest/session.registry.js');
const { resolveOptions } = await from('options/resolve-options.js');
const { watchOf } = await from('signal/session-watch.js');

const store = await namedStore(lib, name, url, space);
await store.open();
const manager = new SessionManager(resolveOptions({ secret: 'a secret of at least thirty-two bytes' }), store);
// As the module does it at its start.
watchOf(manager);
const say = (...words) => writeSync(1, `${words.join(' ')}\n`);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
say('ready');
await lines.next();
say('ended', await new SessionRegistry(manager).revokeAll(principal));
await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
await store.close();
process.exit(0);
