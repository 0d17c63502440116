import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { SessionStore } from 'nestjs-keycard';
import { startApp, type TestApp } from './app.js';
import { OutageController, Visitor } from './outage-load.js';
import type { PrivateServer } from './servers/process.mjs';

export interface OpenedStore {
  readonly store: SessionStore;
  /** Closes what the store was given; the app closes the store. */
  close?(): unknown;
}

const VISITORS = 6;
/** The default bound on a store call, in ms: a request that reads and writes needs two at the most, and is to be sent. */
const STORE_TIMEOUT = 2_000;
const LONGEST_ANSWER = 2 * STORE_TIMEOUT + 1_000;

/** Longer than a call is waited for: who is kept waiting by the driver is told, too. */
const AWAY = STORE_TIMEOUT + 500;

const ENDS: readonly [string, (server: PrivateServer) => unknown, (server: PrivateServer) => unknown, number][] = [
  ['stopped and started again', (server) => server.halt(), (server) => server.restart(), AWAY],
  ['killed and started again', (server) => server.kill(), (server) => server.restart(), AWAY],
  ['frozen for 3 s', (server) => server.pause(), (server) => server.resume(), 3_000],
];

/** A Nest app at work while its session server goes away and comes back. `kinds`: how the store was given its server. */
export function outageSuite(
  start: () => Promise<PrivateServer>,
  kinds: Readonly<Record<string, (url: string) => Promise<OpenedStore> | OpenedStore>>,
): void {
  let server: PrivateServer;
  let app: TestApp;
  let opened: OpenedStore;
  let visitors: Visitor[];

  beforeAll(async () => {
    server = await start();
  }, 60_000);
  afterAll(() => server.stop());
  afterEach(async () => {
    await Promise.all(visitors.map((visitor) => visitor.stop()));
    await app.close();
    await opened.close?.();
  });

  describe.each(Object.entries(kinds))('on %s', (_, open) => {
    it.each(ENDS)(
      'a server that was %s: only 503s meanwhile, service within 2 s, nobody logged out',
      async (_end, leave, comeBack, awayMs) => {
        opened = await open(server.url);
        app = await startApp([OutageController], {
          store: opened.store,
          logger: { warn: () => undefined, error: () => undefined },
        });
        visitors = Array.from({ length: VISITORS }, (_, n) => new Visitor(app.url, n));
        await Promise.all(visitors.map((visitor) => visitor.start()));
        await wait(300);

        const leaves = Date.now();
        await leave(server);
        const gone = Date.now();
        await wait(awayMs);
        const returns = Date.now();
        await comeBack(server);
        const returned = Date.now();
        await wait(2_000);
        const settled = Date.now();
        await wait(300);
        await Promise.all(visitors.map((visitor) => visitor.stop()));

        const answers = visitors.flatMap((visitor) => visitor.answers);
        const needy = answers.filter(({ route }) => route !== 'plain');
        // It was at work before, and is again after.
        expect(needy.filter(({ ended }) => ended < leaves).every(({ status }) => status === 200)).toBe(true);
        expect([...new Set(needy.filter(({ began }) => began >= settled).map(({ status }) => status))]).toEqual([200]);
        const served = needy.filter(({ status, ended }) => status === 200 && ended >= returns);
        for (const route of ['count', 'home'])
          expect(
            Math.min(...served.filter((each) => each.route === route).map(({ ended }) => ended)) - returned,
          ).toBeLessThan(2_000);
        // While it is away: 503, in bounded time, and neither a cookie nor its end.
        expect([...new Set(answers.map(({ status }) => status))].sort()).toEqual([200, 503]);
        const meanwhile = needy.filter(({ began, ended }) => began > gone && ended < returns);
        expect(meanwhile.filter(({ status }) => status !== 503)).toEqual([]);
        // Of those that were on their way when it went, too: somebody has been told.
        expect(needy.some(({ status, ended }) => status === 503 && ended > gone && ended < returns)).toBe(true);
        expect(Math.max(...answers.map(({ began, ended }) => ended - began))).toBeLessThan(LONGEST_ANSWER);
        expect(answers.filter(({ route }) => route === 'plain').every(({ status }) => status === 200)).toBe(true);
        expect(answers.flatMap(({ setCookie, status }) => (status === 503 ? setCookie : []))).toEqual([]);
        // Nobody is logged out, and what was said to be saved is there.
        for (const visitor of visitors) {
          const { saved, tried } = visitor.changes;
          const { status, count } = await visitor.home();
          expect(status).toBe(200);
          expect(count).toBeGreaterThanOrEqual(saved);
          expect(count).toBeLessThanOrEqual(tried);
        }
      },
      30_000,
    );
  });
}
