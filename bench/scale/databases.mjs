/** RedisStore and PostgresStore with many sessions: lists and prunes, and what requests wait meanwhile. */
import { join } from 'node:path';
import { answer } from '../child.mjs';
import { connectFor } from '../stores.mjs';
import { DAY_MS, fill, loads, meanwhile, recordOf } from './tools.mjs';

const PER_PRINCIPAL = 10;

async function measure({ library, store: kind, url, count }) {
  const connection = await connectFor({ store: kind, url });
  let moved = 0;
  const clock = { now: () => Date.now() + moved };
  const store =
    kind === 'redis'
      ? new (await import(join(library, 'stores/redis/index.js'))).RedisStore({
          client: connection,
          prefix: 'scale:',
          clock,
        })
      : new (await import(join(library, 'stores/postgres/index.js'))).PostgresStore({
          pool: connection,
          tableName: 'scale',
          pruneInterval: false,
          clock,
        });
  await store.open();
  const startedAt = performance.now();
  // One in five ends an hour sooner.
  const endsAt = Date.now() + DAY_MS;
  const record = (n) => recordOf(Math.floor(n / PER_PRINCIPAL), n % 5 === 0 ? endsAt - 3_600_000 : endsAt);
  const first = await fill(store, 1_000, record);
  await loads(store, first, 500);
  const few = await loads(store, first, 3_000);
  const ids = [...first, ...(await fill(store, count - 1_000, (n) => record(n + 1_000)))];
  const fillMs = Math.round(performance.now() - startedAt);
  const many = await loads(store, ids, 3_000);
  const listOf = async (query, most) => {
    let found = 0;
    for await (const _ of store.list(query)) if (++found >= most) break;
    return found;
  };
  const principal = await meanwhile(store, ids, () => listOf({ principal: 'user-50' }, Number.POSITIVE_INFINITY));
  const page = await meanwhile(store, ids, () => listOf({}, 1_000));
  const counted = await meanwhile(store, ids, () => store.count());
  const result = {
    store: kind,
    count,
    fillMs,
    loadMsWith1000: few,
    loadMs: many,
    listByPrincipal: principal,
    listOf1000: page,
    countAll: counted,
  };
  // Redis ends its keys itself.
  if (kind === 'postgres') {
    moved = DAY_MS - 1_800_000;
    result.prune = await meanwhile(
      store,
      ids.filter((_, n) => n % 5 !== 0),
      () => store.prune(),
    );
  }
  await store.close();
  return result;
}

answer({ measure });
