import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A store of a compiled lib, for a process of its own: `redis` or `postgres`, in a space of its own. */
export async function namedStore(lib, name, url, space) {
  const from = (file) => import(pathToFileURL(join(lib, file)).href);
  if (name === 'redis') {
    const { RedisStore } = await from('stores/redis/index.js');
    return new RedisStore({ url, prefix: space });
  }
  const { PostgresStore } = await from('stores/postgres/index.js');
  return new PostgresStore({ connectionString: url, tableName: space, pruneInterval: false });
}
