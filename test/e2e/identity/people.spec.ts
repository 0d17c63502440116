import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Jar, signed } from '../../support/app.js';
import { describeEachStoreOnBoth as describeEachStore } from '../../support/stores-on-both.js';
import { copyOf, gate, idIn, LoginApp, ManualClock } from '../../support/login-app.js';

describeEachStore((each) => {
  describe('promises about people', () => {
    let clock: ManualClock;
    let app: LoginApp;
    beforeEach(async () => {
      clock = new ManualClock();
      app = await LoginApp.start(await each.open({ clock }), { clock, touchInterval: '1m' });
    });
    afterEach(() => app.close());
    const isIn = async (jar: Jar): Promise<boolean> => (await app.get(jar, 'home')).status === 200;

    /** A logout that has read its session, and is held until `then` has happened. */
    const logoutAround = async (jar: Jar, then: () => Promise<unknown>): Promise<void> => {
      const door = gate.close('logout');
      const late = app.post(copyOf(jar), 'logout');
      await door.arrived;
      await then();
      door.open();
      expect((await late).status).toBe(200);
    };

    describe('a logout that began with an id that was replaced meanwhile ends the session (#11)', () => {
      it('after confirmLogin()', async () => {
        const jar = await app.loggedIn('ann');
        await logoutAround(jar, () => app.post(jar, 'confirm'));
        expect(await isIn(jar)).toBe(false);
      });

      it('after a login by the same user', async () => {
        const jar = await app.loggedIn('ann');
        await logoutAround(jar, () => app.post(jar, 'login', { id: 'ann' }));
        expect(await isIn(jar)).toBe(false);
      });

      it('after the login of a visitor, whom no list of sessions names', async () => {
        const jar = new Jar();
        await app.post(jar, 'set', { cart: ['tea'] });
        await logoutAround(jar, () => app.post(jar, 'login', { id: 'ann' }));
        expect(await isIn(jar)).toBe(false);
      });

      it('after several, even if the first was longer ago than renewGrace', async () => {
        const jar = await app.loggedIn('ann');
        await logoutAround(jar, async () => {
          await app.post(jar, 'confirm');
          clock.advance(50_000);
          await app.post(jar, 'confirm');
        });
        expect(await isIn(jar)).toBe(false);
      });
    });

    it('the id from before confirmLogin() ends nothing when a request begins with it (#11)', async () => {
      const jar = await app.loggedIn('ann');
      const old = copyOf(jar);
      await app.post(jar, 'confirm');
      await app.post(old, 'logout');
      expect(await isIn(old)).toBe(false);
      expect(await isIn(jar)).toBe(true);
    });

    it('revokeAll() ends a session that its index has lost, at the next touch and before the guard runs (#11)', async () => {
      const jar = await app.loggedIn('ann');
      const id = idIn(jar);
      const text = (await app.place.rawRead(id))!;
      await app.place.rawDelete(id);
      await app.registry.revokeAll('ann');
      await app.place.rawCreate(id, text);
      clock.advance(60_000);
      expect((await app.get(jar, 'home')).status).toBe(401);
      expect(app.happened()).toContain('revoked');
      // A login of after it stands.
      expect(await isIn(await app.loggedIn('ann'))).toBe(true);
    });

    it('revokeAll() ends such a session also when it confirms its login, or a job opens it (#11)', async () => {
      const jar = await app.loggedIn('ann');
      const id = idIn(jar);
      const text = (await app.place.rawRead(id))!;
      await app.place.rawDelete(id);
      await app.registry.revokeAll('ann');
      await app.place.rawCreate(id, text);
      expect((await app.post(copyOf(jar), 'confirm')).status).toBe(500);
      expect(await isIn(jar)).toBe(false);
      await app.place.rawCreate(id, text);
      expect(await app.registry.open(id)).toBeUndefined();
    });

    it('revokeAll() with except keeps that session at every touch, and a later one ends it (#11)', async () => {
      const [first, second] = [await app.loggedIn('ann'), await app.loggedIn('ann')];
      expect((await app.post(first, 'password')).status).toBe(200);
      clock.advance(60_000);
      expect([await isIn(first), await isIn(second)]).toEqual([true, false]);
      clock.advance(60_000);
      expect(await isIn(first)).toBe(true);
      await app.registry.revokeAll('ann');
      expect(await isIn(first)).toBe(false);
    });

    describe('a login as another user (#11)', () => {
      it("takes over nothing of the former's session: data, handle, times", async () => {
        const jar = await app.loggedIn('ann', { user: { name: 'ann' }, role: 'admin' });
        await app.post(jar, 'set', { draft: 'of ann' });
        const ann = await app.me(jar);
        const old = copyOf(jar);
        clock.advance(1_000);
        expect((await app.post(jar, 'login', { id: 'bob', data: { user: { name: 'bob' } } })).status).toBe(200);
        const bob = await app.me(jar);
        expect(bob.data).toEqual({ user: { name: 'bob' } });
        expect(bob.principal).toBe('bob');
        expect(bob.handle).not.toBe(ann.handle);
        expect(bob.createdAt).not.toBe(ann.createdAt);
        expect(await isIn(old)).toBe(false);
        expect((await app.registry.list({ principal: 'ann' })).sessions).toEqual([]);
        expect((await app.registry.list({ principal: 'bob' })).sessions).toHaveLength(1);
      });

      it('also if the former session was written by express-session alone', async () => {
        const jar = new Jar();
        const cookie = {
          originalMaxAge: 86_400_000,
          expires: new Date(clock.now() + 86_400_000).toISOString(),
          path: '/',
        };
        await app.place.rawCreate('of-a-peer', JSON.stringify({ cookie, user: { id: 'ann' }, role: 'admin' }));
        jar.cookies.set('sid', encodeURIComponent(signed('of-a-peer')));
        await app.post(jar, 'login', { id: 'bob', data: { user: { id: 'bob' } } });
        expect((await app.me(jar)).data).toEqual({ user: { id: 'bob' } });
      });

      it.each(['begin-and-confirm', 'begin-and-update'])(
        'also if who is logged in by data takes over a session that was nobody’s any more (%s)',
        async (route) => {
          const jar = await app.loggedIn('bob', { user: { id: 'bob' }, secret: 'of bob' });
          const { handle } = await app.me(jar);
          await app.post(jar, 'delete/user');
          expect((await app.me(jar)).principal).toBeUndefined();
          expect((await app.post(jar, route, { id: 'ann' })).status).toBe(201);
          const after = await app.me(jar);
          expect(after).toMatchObject({ principal: 'ann', data: { user: { id: 'ann' } } });
          expect(after.data).not.toHaveProperty('secret');
          expect(after.handle).not.toBe(handle);
        },
      );

      it("keeps a visitor's cart", async () => {
        const jar = new Jar();
        await app.post(jar, 'set', { cart: ['tea'] });
        await app.post(jar, 'login', { id: 'ann', data: { user: { name: 'ann' } } });
        expect((await app.me(jar)).data).toEqual({ cart: ['tea'], user: { name: 'ann' } });
      });
    });

    describe('somebody who is logged in by the data alone, as in every tutorial (#11)', () => {
      it('gets a new id, and the one that the browser had opens nothing', async () => {
        const jar = new Jar();
        await app.post(jar, 'set', { cart: ['tea'] });
        const planted = copyOf(jar);
        expect((await app.post(jar, 'set', { user: { id: 'ann' } })).status).toBe(200);
        expect((await app.me(jar)).data).toEqual({ cart: ['tea'], user: { id: 'ann' } });
        expect(await isIn(jar)).toBe(true);
        expect(jar.header).not.toBe(planted.header);
        expect((await app.me(planted)).data).toEqual({});
        expect(await isIn(planted)).toBe(false);
      });

      it('also a user without an id, and when one user takes the place of another', async () => {
        const jar = new Jar();
        await app.post(jar, 'set', { cart: 1 });
        const ids = [idIn(jar)];
        for (const user of [{ name: 'Ann' }, { id: 'ann' }, { id: 'bob' }]) {
          await app.post(jar, 'set', { user });
          ids.push(idIn(jar));
        }
        expect(new Set(ids).size).toBe(4);
      });

      it('keeps its id after a login, a change of the same user, and without any user', async () => {
        const jar = await app.loggedIn('ann', { user: { id: 'ann', name: 'Ann' } });
        const id = idIn(jar);
        await app.post(jar, 'set', { user: { id: 'ann', name: 'Anne' } });
        await app.post(jar, 'set', { cart: 1 });
        expect(idIn(jar)).toBe(id);
      });
    });

    it('a login in the future by more than 5 s is no recent login (#11)', async () => {
      clock.advance(6_000);
      const jar = await app.loggedIn('ann');
      expect((await app.post(jar, 'danger')).status).toBe(200);
      clock.advance(-6_000);
      expect((await app.post(jar, 'danger')).status).toBe(401);
      clock.advance(1_000);
      expect((await app.post(jar, 'danger')).status).toBe(200);
    });

    describe('of several cookies of our name (#13.6)', () => {
      it.each(['unsigned', 'unknown', 'retired', 'expired'])(
        'a first that is %s hides no second that is live',
        async (what) => {
          const stale = await app.loggedIn('old');
          if (what === 'unsigned') stale.cookies.set('sid', 'garbage');
          if (what === 'unknown') stale.cookies.set('sid', signed('never-seen'));
          if (what === 'retired') {
            const before = copyOf(stale);
            await app.post(stale, 'confirm');
            stale.cookies.set('sid', before.cookies.get('sid')!);
          }
          if (what === 'expired') {
            clock.advance(25 * 3_600_000);
            // Redis goes by its own clock: there an expired key is one that is gone.
            if (each.name.startsWith('redis')) await app.place.rawDelete(idIn(stale));
          }
          const good = await app.loggedIn('ann');
          const answer = await app.get(new Jar(), 'home', { cookie: `${stale.header}; ${good.header}` });
          expect([answer.status, await answer.json()]).toEqual([200, { principal: 'ann' }]);
        },
      );
    });
  });

  describe('a login that is refused (#11)', () => {
    it('leaves the visitor his cart and cookie, also if the refusal comes after the write', async () => {
      const app = await LoginApp.start(await each.open(), { maxSessionsPerPrincipal: 1, onTooMany: 'reject' });
      try {
        const jars = [new Jar(), new Jar(), new Jar()];
        for (const jar of jars) await app.post(jar, 'set', { cart: ['tea'] });
        // All have found room before any of them is written.
        const door = gate.close('login');
        const first = app.post(jars[0]!, 'login', { id: 'ann' });
        await door.arrived;
        const others = jars.slice(1).map((jar) => app.post(jar, 'login', { id: 'ann' }));
        await new Promise((resolve) => setImmediate(resolve));
        door.open();
        const statuses = (await Promise.all([first, ...others])).map(({ status }) => status);
        for (const [n, jar] of jars.entries()) {
          const me = await app.me(jar);
          expect(me.data).toEqual({ cart: ['tea'] });
          expect(me.principal).toBe(statuses[n] === 200 ? 'ann' : undefined);
        }
        expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(1);
      } finally {
        await app.close();
      }
    });
  });
});
