// Works on a folder of sessions in a process of its own: node worker.mjs <lib> <folder> <job> [arguments as JSON]
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [lib, folder, job, json = '{}'] = process.argv.slice(2);
const options = JSON.parse(json);

if (options.noSymlinks) {
  fs.symlinkSync = () => {
    throw Object.assign(new Error('EPERM'), { code: 'EPERM', syscall: 'symlink' });
  };
  syncBuiltinESMExports();
}

const { FileStore } = await import(pathToFileURL(join(lib, 'stores/file/file.store.js')).href);
const store = new FileStore({ path: folder, pruneInterval: false, fsync: options.fsync ?? true });
await store.open();

// Signals itself right before one system call, where no test could hit from outside.
if (options.signal) {
  const { call, path, signal } = options.signal;
  const original = fs[call];
  fs[call] = (...args) => {
    if (args.some((arg) => typeof arg === 'string' && arg.includes(path))) {
      fs[call] = original;
      syncBuiltinESMExports();
      process.kill(process.pid, signal);
    }
    return original(...args);
  };
  syncBuiltinESMExports();
}

const recordOf = (data, principal) => ({
  text: JSON.stringify({
    cookie: { originalMaxAge: 86_400_000 },
    ...data,
    __keycard: { v: 1, p: principal, n: randomBytes(6).toString('hex') },
  }),
  expiresAt: Date.now() + 86_400_000,
  principal,
});
// Written at once: what a killed process had in a buffer was never said.
const say = (...words) => fs.writeSync(1, `${words.join(' ')}\n`);
const go = () => new Promise((resolve) => createInterface({ input: process.stdin }).once('line', resolve));

const jobs = {
  /** Increments a key of one session, so many times. */
  async increment({ id, times }) {
    let found = await store.load(id);
    say('ready');
    await go();
    let conflicts = 0;
    for (let done = 0; done < times; found = await store.load(id)) {
      const { text, revision } = found;
      const result = await store.replace(id, recordOf({ views: JSON.parse(text).views + 1 }), revision);
      if (result === 'ok') done += 1;
      else if (result === 'conflict') conflicts += 1;
      else throw new Error(result);
    }
    say('conflicts', conflicts);
  },

  /** Sets so many keys of one session, one at a time, each of which no other process sets. */
  async keys({ id, name, times }) {
    let found = await store.load(id);
    say('ready');
    await go();
    let conflicts = 0;
    for (let done = 0; done < times; found = await store.load(id)) {
      const { text, revision } = found;
      const { cookie, __keycard, ...data } = JSON.parse(text);
      const result = await store.replace(id, recordOf({ ...data, [`${name}${done}`]: done }), revision);
      if (result === 'ok') done += 1;
      else conflicts += 1;
    }
    say('conflicts', conflicts);
  },

  /** Reads a session for each line it hears, and replaces it on the next, with what it has read. */
  async late() {
    const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    for (let round = 0; ; round++) {
      const { value: id } = await lines.next();
      const { revision } = await store.load(id);
      say(`loaded-${round}`);
      await lines.next();
      say(`replaced-${round}`, await store.replace(id, recordOf({ late: true }), revision));
    }
  },

  /** Creates, changes and ends sessions for ever, and says what was acknowledged. */
  async write({ name }) {
    for (let n = 0; ; n++) {
      const id = `${name}-${n}`;
      await store.create(id, recordOf({ views: 0 }, 'writer'));
      say('created', id);
      for (let views = 1; views <= 4; views++) {
        const { revision } = await store.load(id);
        if ((await store.replace(id, recordOf({ views }, 'writer'), revision)) !== 'ok') throw new Error('not ok');
        say('views', id, views);
      }
      if (n % 2 === 0) continue;
      if ((await store.destroy(id)) !== 'ok') throw new Error('not ok');
      say('destroyed', id);
    }
  },

  /** One replace. */
  async replace({ id, data }) {
    const { revision } = await store.load(id);
    say('result', await store.replace(id, recordOf(data), revision));
  },

  /** One create. */
  async create({ id, data, principal }) {
    await store.create(id, recordOf(data, principal));
    say('result', 'ok');
  },

  /** Removes what has expired. */
  async prune() {
    say('result', await store.prune());
  },

  /** Creates and ends sessions of one principal, and leaves some. */
  async principal({ name, times }) {
    say('ready');
    await go();
    for (let n = 0; n < times; n++) {
      const id = `${name}-${n}`;
      await store.create(id, recordOf({}, 'shared'));
      if (n % 3 !== 0) await store.destroy(id);
    }
    say('done');
  },
};

await jobs[job](options);
await store.close();
process.exit(0);
