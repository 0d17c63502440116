import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Jar, signed } from '../../support/app.js';
import { type CompiledLib, compileLib } from '../../support/compile-lib.js';
import { EngineFleet } from '../../support/engine-fleet.js';
import { type StorePlace } from '../../support/five-stores.js';
import { describeEachStoreOnBoth as describeEachStore } from '../../support/stores-on-both.js';
import { LoginApp, ManualClock } from '../../support/login-app.js';

let lib: CompiledLib;
beforeAll(async () => {
  lib = await compileLib();
});
afterAll(() => lib.remove());

describeEachStore((each) => {
  describe("a cap on a user's sessions", () => {
    let app: LoginApp;
    let clock: ManualClock;
    const start = async (onTooMany: 'reject' | 'evict-oldest') => {
      clock = new ManualClock();
      app = await LoginApp.start(await each.open({ clock }), { clock, maxSessionsPerPrincipal: 2, onTooMany });
    };
    const isIn = async (jar: Jar): Promise<boolean> => (await app.get(jar, 'home')).status === 200;
    afterEach(() => app.close());

    it('ends the oldest when a login is one too many', async () => {
      await start('evict-oldest');
      const jars: Jar[] = [];
      for (let n = 0; n < 4; n += 1) {
        jars.push(await app.loggedIn('ann'));
        clock.advance(10);
      }
      const bob = await app.loggedIn('bob');
      expect(await Promise.all(jars.map(isIn))).toEqual([false, false, true, true]);
      expect(await isIn(bob)).toBe(true);
      expect(app.happened().filter((type) => type === 'evicted')).toHaveLength(2);
      // To log in again in the same browser takes no room.
      await app.post(jars[3]!, 'login', { id: 'ann' });
      expect(await Promise.all(jars.map(isIn))).toEqual([false, false, true, true]);
    });

    it('counts a browser once that was logged in as somebody else in between (#11)', async () => {
      await start('evict-oldest');
      const jar = await app.loggedIn('ann');
      await app.post(jar, 'login', { id: 'bob' });
      await app.post(jar, 'login', { id: 'ann' });
      const other = await app.loggedIn('ann');
      expect(await Promise.all([jar, other].map(isIn))).toEqual([true, true]);
    });

    it('counts a login by data that confirmLogin() follows (#11)', async () => {
      await start('evict-oldest');
      const jars: Jar[] = [];
      for (let n = 0; n < 3; n += 1) {
        const jar = new Jar();
        expect((await app.post(jar, 'begin-and-confirm', { id: 'ann' })).status).toBe(201);
        jars.push(jar);
        clock.advance(10);
      }
      expect(await Promise.all(jars.map(isIn))).toEqual([false, true, true]);
    });

    it('ends the oldest of logins within one tick of the clock, and never the newest', async () => {
      await start('evict-oldest');
      const jars: Jar[] = [];
      for (let n = 0; n < 6; n += 1) jars.push(await app.loggedIn('ann'));
      expect(await Promise.all(jars.map(isIn))).toEqual([false, false, false, false, true, true]);
    });

    it('counts the sessions that express-session wrote, from their first request on (#12)', async () => {
      await start('evict-oldest');
      const jars: Jar[] = [];
      for (const id of ['of-a-peer-1', 'of-a-peer-2', 'of-a-peer-3']) {
        const [jar, expires] = [new Jar(), new Date(clock.now() + 86_400_000).toISOString()];
        const cookie = { originalMaxAge: 86_400_000, expires, path: '/' };
        await app.place.rawCreate(id, JSON.stringify({ cookie, user: { id: 'ann' } }));
        jar.cookies.set('sid', encodeURIComponent(signed(id)));
        expect(await isIn(jar)).toBe(true);
        jars.push(jar);
        clock.advance(10);
      }
      expect(await Promise.all(jars.map(isIn))).toEqual([false, true, true]);
    });

    it('refuses a login that is one too many, with a clear answer', async () => {
      await start('reject');
      const first = await app.loggedIn('ann');
      const second = await app.loggedIn('ann');
      const third = new Jar();
      const refused = await app.post(third, 'login', { id: 'ann' });
      expect(refused.status).toBe(409);
      expect(await refused.text()).toMatch(/already have 2 sessions/);
      expect(third.cookies.size).toBe(0);
      expect(await Promise.all([first, second].map(isIn))).toEqual([true, true]);
      expect((await app.post(first, 'login', { id: 'ann' })).status).toBe(200);
      await app.post(first, 'renew');
      await app.post(first, 'confirm');
      expect(await isIn(first)).toBe(true);
      await app.post(second, 'logout');
      expect((await app.post(third, 'login', { id: 'ann' })).status).toBe(200);
    });
  });

  describe("a cap on a user's sessions, two processes", () => {
    let place: StorePlace;
    let fleet: EngineFleet;
    beforeEach(async () => {
      place = await each.open();
    });
    afterEach(async () => {
      await fleet.close();
      await place.close();
    });

    for (const onTooMany of ['evict-oldest', 'reject'] as const) {
      it(`leaves three sessions of 100 that are begun at once with a cap of 3 (${onTooMany})`, async () => {
        fleet = await EngineFleet.start(2, lib, place, { maxSessionsPerPrincipal: 3, onTooMany, storeTimeout: '20s' });
        const jars = Array.from({ length: 100 }, () => new Jar());
        const answers = await Promise.all(jars.map((jar, n) => fleet.ask(n, jar, 'login', { id: 'ann' })));
        const statuses = new Set(answers.map(({ status }) => status));
        // Evicted before it was answered, a login is refused: no 200 without a cookie (#11).
        expect([...statuses].sort()).toEqual([200, 409]);
        expect(answers.filter(({ status }, n) => status === 200 && jars[n]!.cookies.size === 0)).toEqual([]);
        expect(await fleet.json<string[]>(0, new Jar(), 'handles', { id: 'ann' })).toHaveLength(3);
        const principals = await Promise.all(
          jars.map((jar, n) => fleet.json<{ principal: string | null }>(n, jar, 'read')),
        );
        expect(principals.filter(({ principal }) => principal === 'ann')).toHaveLength(3);
      }, 120_000);
    }
  });
});
