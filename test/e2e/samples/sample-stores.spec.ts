import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Jar } from '../../support/app.js';
import { type RunningSample, SampleClone } from '../../support/sample.js';
import { describeWithProgram, describeWithServer } from '../../support/servers/available.js';
import { startRedis } from '../../support/servers/redis.mjs';

const SLOW_MS = 120_000;

async function logIn(sample: RunningSample): Promise<Jar> {
  const jar = new Jar();
  const body = new URLSearchParams({ name: 'alan', password: 'paper tape machine' });
  expect((await jar.fetch(`${sample.url}/login`, { method: 'POST', body })).status).toBe(303);
  return jar;
}

const page = async (sample: RunningSample, jar: Jar, path: string): Promise<[number, string]> => {
  const answer = await jar.fetch(sample.url + path, { headers: { accept: 'text/html' } });
  return [answer.status, await answer.text()];
};

describe('the sample, with SESSION_STORE', () => {
  let clone: SampleClone;
  beforeAll(async () => {
    clone = await SampleClone.make();
    await (await clone.start()).stop(); // builds
  }, SLOW_MS);
  afterAll(() => clone?.remove());

  /** Login, cart, devices, restart. What a store forgets over a restart is a stranger again. */
  async function tour(env: Record<string, string>, says: string, survives: boolean): Promise<void> {
    let sample = await clone.start(env);
    try {
      const jar = await logIn(sample);
      const [status, dashboard] = await page(sample, jar, '/dashboard');
      expect([status, dashboard.includes(says)]).toEqual([200, true]);
      const fields = new URLSearchParams({ sku: 'eggs', by: '1' });
      const add = () => jar.fetch(`${sample.url}/cart`, { method: 'POST', body: fields });
      expect((await Promise.all([add(), add(), add()])).map((answer) => answer.status)).toEqual([303, 303, 303]);
      expect((await page(sample, jar, '/cart'))[1]).toContain('<span data-total-count>3</span>');
      expect((await page(sample, jar, '/devices'))[1].match(/data-device="this"/g)).toHaveLength(1);
      await sample.stop();
      sample = await clone.start(env);
      expect((await page(sample, jar, '/cart'))[1].includes('<span data-total-count>3</span>')).toBe(survives);
      if (survives)
        expect((await jar.fetch(`${sample.url}/devices/logout-everywhere`, { method: 'POST' })).status).toBe(303);
      expect(sample.said).not.toMatch(/error|password@/i);
    } finally {
      await sample.stop();
    }
  }

  it(
    'memory says so, and forgets with the process',
    () => tour({ SESSION_STORE: 'memory' }, 'MemoryStore', false),
    SLOW_MS,
  );

  describeWithServer('redis', (server) => {
    it(
      'says so, and survives a restart',
      () => tour({ SESSION_STORE: 'redis', REDIS_URL: server.url }, 'RedisStore (', true),
      SLOW_MS,
    );
  });

  describeWithServer('postgres', (server) => {
    it(
      'says so, and survives a restart',
      () => tour({ SESSION_STORE: 'postgres', PG_URL: server.url }, 'PostgresStore (', true),
      SLOW_MS,
    );
  });

  describeWithServer('mongo', (server) => {
    it(
      'says so, and survives a restart',
      () => tour({ SESSION_STORE: 'mongo', MONGO_URL: server.url }, 'MongoStore (', true),
      SLOW_MS,
    );
  });

  describeWithProgram(
    'redis',
    () => {
      it(
        'shows a page that helps while Redis hangs or is gone, and recovers by itself',
        async () => {
          const redis = await startRedis({ args: ['--appendonly', 'yes'] });
          const sample = await clone.start({ SESSION_STORE: 'redis', REDIS_URL: redis.url });
          const expectHelp = async (): Promise<void> => {
            for (const path of ['/dashboard', '/devices']) {
              const begun = performance.now();
              const [status, text] = await page(sample, jar, path);
              expect([path, status]).toEqual([path, 503]);
              expect(text).toContain('We can not reach the place where sessions are kept.');
              expect(performance.now() - begun).toBeLessThan(10_000);
            }
            expect((await page(sample, new Jar(), '/login'))[0]).toBe(200);
          };
          const expectRecovery = async (): Promise<void> => {
            for (const since = performance.now(); (await page(sample, jar, '/dashboard'))[0] !== 200;) {
              expect(performance.now() - since).toBeLessThan(20_000);
              await new Promise((resolve) => setTimeout(resolve, 100));
            }
          };
          const jar = await logIn(sample);
          try {
            redis.pause();
            await expectHelp();
            redis.resume();
            await expectRecovery();
            await redis.kill();
            await expectHelp();
            await redis.restart();
            await expectRecovery();
            expect((await page(sample, jar, '/devices'))[0]).toBe(200);
          } finally {
            await sample.stop();
            await redis.stop();
          }
        },
        SLOW_MS,
      );
    },
    'redis that fails',
  );
});
