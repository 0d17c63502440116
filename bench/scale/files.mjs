/** FileStore with many files: what a folder's size costs a request, a prune, and a walk. */
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answer } from '../child.mjs';
import { DAY_MS, fill, idOf, loads, meanwhile, recordOf } from './tools.mjs';

async function measure({ library, count }) {
  const { FileStore } = await import(join(library, 'index.js'));
  const folder = await mkdtemp(join(tmpdir(), 'keycard-scale-'));
  try {
    const store = new FileStore({ path: folder, pruneInterval: false, fsync: false });
    await store.open();
    const endsAt = Date.now() + DAY_MS;
    const ids = await fill(store, 1_000, (n) => recordOf(n, endsAt), 50);
    await loads(store, ids, 500);
    const few = await loads(store, ids, 3_000);
    // As session-file-store leaves them: half of them have ended.
    const data = { cookie: { originalMaxAge: DAY_MS, path: '/' }, note: 'x'.repeat(400) };
    for (let n = 0; n < count - 1_000; n++) {
      const __lastAccess = n % 2 === 0 ? Date.now() : Date.now() - 2 * DAY_MS;
      writeFileSync(join(folder, `${idOf()}.json`), JSON.stringify({ ...data, __lastAccess }));
    }
    const many = await loads(store, ids, 3_000);
    const principal = await meanwhile(store, ids, async () => {
      let found = 0;
      for await (const _ of store.list({ principal: 'user-7' })) found += 1;
      return found;
    });
    const prune = await meanwhile(store, ids, () => store.prune());
    await store.close();
    return { count, loadMsWith1000: few, loadMs: many, listByPrincipal: principal, prune };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

answer({ measure });
