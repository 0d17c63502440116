// The engine on a FileStore, in a process of its own: node engine-worker.mjs <lib> <folder> <job> <id> <name> <times>
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [lib, folder, job, id, name, times] = process.argv.slice(2);
const from = (file) => import(pathToFileURL(join(lib, file)).href);
const { FileStore } = await from('stores/file/file.store.js');
const { SessionManager } = await from('session-manager.js');
const { resolveOptions } = await from('options/resolve-options.js');

const store = new FileStore({ path: folder, pruneInterval: false, fsync: false });
await store.open();
const manager = new SessionManager(resolveOptions({ secret: 'a secret of at least thirty-two bytes' }), store);
const say = (...words) => writeSync(1, `${words.join(' ')}\n`);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** The session; in the first round it is held until somebody else has changed it, so that a conflict is certain. */
async function opened(round) {
  const core = await manager.open(id);
  if (round === 0) {
    say('read');
    await lines.next();
  }
  return core;
}

const jobs = {
  /** Increments one key by `update()`. */
  async increment() {
    for (let n = 0; n < Number(times); n += 1) {
      const { session } = await opened(n);
      await session.update((draft) => void (draft.count += 1));
    }
  },
  /** Changes a key of its own in each round, as a request would: read, change, save. */
  async keys() {
    for (let n = 0; n < Number(times); n += 1) {
      const { session } = await opened(n);
      session[`${name}${n}`] = n;
      await session.save();
    }
  },
  /** Reads, is told to go on, and saves: what comes of it is said. */
  async late() {
    const { session } = await manager.open(id);
    session.late = name;
    say('read');
    await lines.next();
    try {
      await session.save();
      say('result', 'saved');
    } catch (error) {
      say('result', error.code);
    }
  },
};

say('ready');
await lines.next();
await jobs[job]();
const { conflicts, gone } = manager.counters;
say('conflicts', conflicts);
say('gone', gone);
await store.close();
process.exit(0);
