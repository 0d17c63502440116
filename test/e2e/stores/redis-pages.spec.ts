import { expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { RedisStore } from 'nestjs-keycard/redis';
import { describeWithProgram } from '../../support/servers/available.js';
import { startRedis } from '../../support/servers/redis.mjs';
import { until } from '../../support/until.js';

const OTHERS = 32_768;

const stepOf = (cursor: string): string => cursor.split('.')[1]!;

/** Writes or deletes keys of other code, a thousand at a time. */
async function others(client: Redis, command: 'set' | 'unlink'): Promise<void> {
  for (let n = 0; n < OTHERS; n += 1000) {
    const keys = Array.from({ length: 1000 }, (_, k) => `other:${n + k}`);
    await (command === 'set' ? client.mset(keys.flatMap((key) => [key, ''])) : client.unlink(keys));
  }
}

describeWithProgram('redis', () => {
  it('gives no session twice over pages between which Redis made its table smaller, so that SCAN repeats keys (#14)', async () => {
    const server = await startRedis();
    const client = new Redis(server.url);
    try {
      const store = new RedisStore({ client, prefix: 's:' });
      const record = { text: '{"cookie":{}}', expiresAt: Date.now() + 600_000 };
      const ids = Array.from({ length: 200 }, (_, n) => `session-${n}`);
      for (const id of ids) await store.create(id, record);
      await others(client, 'set');

      const first: { id: string; cursor: string }[] = [];
      for await (const { id, cursor } of store.list({ batch: 2 })) if (first.push({ id, cursor }) === 150) break;
      await others(client, 'unlink');
      /** Whether the step of the n-th cursor now returns a key that an earlier step has returned. */
      const isRepeated = async (n: number): Promise<boolean> => {
        const start = stepOf(first[n]!.cursor);
        const [, keys] = await client.scan(start, 'MATCH', 's:*', 'COUNT', 2);
        return first.slice(0, n).some(({ id, cursor }) => stepOf(cursor) !== start && keys.includes(`s:${id}`));
      };
      let last = 0;
      await until(async () => {
        for (last = first.length - 1; last > 0 && !(await isRepeated(last)); last -= 1);
        return last > 0;
      });

      const seen = first.slice(0, last + 1).map(({ id }) => id);
      let next = first[last]!.cursor;
      for (let isMore = true; isMore;) {
        isMore = false;
        for await (const { id, cursor } of store.list({ cursor: next, batch: 2 })) {
          seen.push(id);
          next = cursor;
          isMore = true;
          if (seen.length % 10 === 0) break;
        }
      }
      expect(seen.sort()).toEqual([...ids].sort());
    } finally {
      client.disconnect();
      await server.stop();
    }
  }, 60_000);
});
