import { afterEach, describe, expect, it } from '@jest/globals';
import { Jar } from '../../support/app.js';
import { describeEachStoreOnBoth as describeEachStore } from '../../support/stores-on-both.js';
import { copyOf, LoginApp, ManualClock } from '../../support/login-app.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describeEachStore((each) => {
  describe('timeouts', () => {
    let app: LoginApp;
    let clock: ManualClock;
    const start = async (options: Parameters<typeof LoginApp.start>[1]) => {
      clock = new ManualClock();
      app = await LoginApp.start(await each.open({ clock }), { clock, ...options });
    };
    afterEach(() => app.close());
    const isIn = async (jar: Jar): Promise<boolean> => (await app.get(jar, 'home')).status === 200;

    it('ends a session after absoluteTimeout, however busy it is, and renewals do not stretch it', async () => {
      await start({ absoluteTimeout: '8h', idleTimeout: '1h', renewAfter: '30m', cookie: { maxAge: '1h' } });
      const jar = await app.loggedIn('ann');
      for (let minutes = 0; minutes < 8 * 60 - 20; minutes += 20) {
        clock.advance(20 * MINUTE);
        expect(await isIn(jar)).toBe(true);
      }
      app.happened();
      clock.advance(21 * MINUTE);
      expect(await isIn(jar)).toBe(false);
      expect((await app.registry.list({ principal: 'ann' })).sessions).toEqual([]);
      expect(await app.registry.count()).toBe(0);
      if (!each.name.startsWith('redis')) return;
      // Redis' own clock stands still here, so the engine itself finds the record past its end.
      expect(app.happened()).toEqual(['expired']);
    });

    it('counts absoluteTimeout anew from a login', async () => {
      await start({ absoluteTimeout: '8h', idleTimeout: '8h' });
      const jar = new Jar();
      await app.post(jar, 'set', { cart: [1] });
      clock.advance(7 * HOUR);
      await app.post(jar, 'login', { id: 'ann' });
      clock.advance(7 * HOUR);
      expect(await isIn(jar)).toBe(true);
      await app.post(jar, 'confirm');
      clock.advance(2 * HOUR);
      expect(await isIn(jar)).toBe(false);
    });

    it('ends an idle session although the browser keeps its cookie', async () => {
      if (each.name.startsWith('redis')) {
        // Redis' own clock ends it: a second of real time, and its expiry has a resolution of one.
        await start({ idleTimeout: 1_000, clock: { now: () => Date.now() } });
        const jar = await app.loggedIn('ann');
        const forged = copyOf(jar);
        await new Promise((resolve) => setTimeout(resolve, 2_100));
        expect(await isIn(forged)).toBe(false);
        expect((await app.registry.list({ principal: 'ann' })).sessions).toEqual([]);
        return;
      }
      await start({ idleTimeout: '30m', cookie: { maxAge: '30d' } });
      const jar = await app.loggedIn('ann');
      const forged = copyOf(jar);
      clock.advance(29 * MINUTE);
      expect(await isIn(jar)).toBe(true);
      clock.advance(29 * MINUTE);
      expect(await isIn(jar)).toBe(true);
      clock.advance(31 * MINUTE);
      // The cookie's own date plays no part: a client keeps it as long as it likes.
      expect(await isIn(forged)).toBe(false);
      expect(await isIn(jar)).toBe(false);
    });
  });
});
