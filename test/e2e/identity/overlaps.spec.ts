import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type SessionModuleOptions } from 'nestjs-keycard';
import { Jar } from '../../support/app.js';
import { describeEachStoreOnBoth as describeEachStore } from '../../support/stores-on-both.js';
import { copyOf, gate, LoginApp, ManualClock } from '../../support/login-app.js';

const MINUTE = 60_000;

describeEachStore((each) => {
  describe('a request that began before the id was replaced', () => {
    let clock: ManualClock;
    let app: LoginApp;
    const start = async (options: Partial<SessionModuleOptions> = {}): Promise<void> => {
      clock = new ManualClock();
      app = await LoginApp.start(await each.open({ clock }), { clock, touchInterval: '1m', ...options });
    };
    afterEach(() => app.close());

    /** Changes the session in a request that has read it, and is held until `then` has happened. */
    const changeAround = async (jar: Jar, body: object, then: () => Promise<unknown>): Promise<Response> => {
      const door = gate.close('set');
      const late = app.post(jar, 'set', body);
      await door.arrived;
      await then();
      door.open();
      return late;
    };

    describe('keeps its change', () => {
      beforeEach(() => start());

      it('after confirmLogin(), and its answer leaves the new cookie alone (#11)', async () => {
        const jar = await app.loggedIn('ann');
        const tab = copyOf(jar);
        const answer = await changeAround(tab, { note: 1 }, () => app.post(jar, 'confirm'));
        expect(answer.status).toBe(200);
        expect(answer.headers.getSetCookie()).toEqual([]);
        expect((await app.me(jar)).data).toMatchObject({ note: 1 });
        expect((await app.get(tab, 'home')).status).toBe(401);
      });

      it('after a login, and learns nothing of it (#11)', async () => {
        const jar = new Jar();
        await app.post(jar, 'set', { cart: [1] });
        const tab = copyOf(jar);
        const answer = await changeAround(tab, { cart: [1, 2] }, () =>
          app.post(jar, 'login', { id: 'ann', data: { user: { name: 'Ann' } } }),
        );
        expect(answer.status).toBe(200);
        expect(answer.headers.getSetCookie()).toEqual([]);
        expect(await app.me(jar)).toMatchObject({ principal: 'ann', data: { cart: [1, 2], user: { name: 'Ann' } } });
        expect((await app.me(tab)).data).toEqual({});
      });

      it('but not of what the login was given (#11)', async () => {
        const jar = new Jar();
        await app.post(jar, 'set', { cart: [1] });
        const tab = copyOf(jar);
        await changeAround(tab, { role: 'admin', cart: [] }, () =>
          app.post(jar, 'login', { id: 'ann', data: { role: 'editor' } }),
        );
        expect(await app.me(jar)).toMatchObject({ principal: 'ann', data: { cart: [], role: 'editor' } });
      });

      it('not after a logout (#11)', async () => {
        const jar = await app.loggedIn('ann');
        const tab = copyOf(jar);
        await changeAround(tab, { note: 1 }, () => app.post(jar, 'logout'));
        expect((await app.get(tab, 'home')).status).toBe(401);
        expect((await app.registry.list({ principal: 'ann' })).sessions).toEqual([]);
      });
    });

    it('ends nobody else when it confirms a login that was revoked (#11)', async () => {
      await start();
      const jar = await app.loggedIn('ann');
      const tab = copyOf(jar);
      const door = gate.close('confirm');
      const late = app.post(tab, 'confirm');
      await door.arrived;
      await app.post(jar, 'login', { id: 'bob' });
      await app.registry.revokeAll('ann');
      door.open();
      await late;
      expect(await app.me(jar)).toMatchObject({ principal: 'bob' });
    });

    it('leaves nothing to the next user if it deleted what the login stood on (#11)', async () => {
      await start();
      const jar = await app.loggedIn('ann', { user: { name: 'Ann' }, role: 'admin' });
      const { handle } = await app.me(jar);
      await app.post(jar, 'set', { secret: 'of Ann' });
      await app.post(jar, 'delete/role');
      expect((await app.me(jar)).principal).toBeUndefined();
      await app.post(jar, 'login', { id: 'bob' });
      const me = await app.me(jar);
      expect(me).toMatchObject({ principal: 'bob', data: {} });
      expect(me.data).not.toHaveProperty('secret');
      expect(me.handle).not.toBe(handle);
    });

    it('leaves nothing to the next user who logs in by the data alone (#11)', async () => {
      await start();
      const jar = await app.loggedIn('ann', { role: 'admin' });
      const { handle } = await app.me(jar);
      await app.post(jar, 'set', { secret: 'of Ann' });
      await app.post(jar, 'delete/role');
      await app.post(jar, 'set', { user: { id: 'bob' }, note: 1 });
      const me = await app.me(jar);
      expect(me).toMatchObject({ principal: 'bob', data: { user: { id: 'bob' }, note: 1 } });
      expect(me.data).not.toHaveProperty('secret');
      expect(me.handle).not.toBe(handle);
    });

    it('is nobody if it deletes what a login stood on that went over the data of somebody else (#11)', async () => {
      await start();
      const jar = new Jar();
      await app.post(jar, 'set', { user: { id: 'bob' } });
      await app.post(jar, 'login', { id: 'ann', data: { role: 'admin', user: { id: 'bob' } } });
      await app.post(jar, 'delete/role');
      expect((await app.me(jar)).principal).toBeUndefined();
      expect((await app.get(jar, 'home')).status).toBe(401);
    });

    it('keeps what it changed if another login of the same session was faster (#11)', async () => {
      await start();
      const jar = new Jar();
      await app.post(jar, 'set', { cart: [1], old: 1 });
      const tab = copyOf(jar);
      const door = gate.close('login');
      const late = app.post(tab, 'login', { id: 'ann', set: { cart: [1, 2] } });
      await door.arrived;
      await app.post(jar, 'set', { user: { id: 'ann' } });
      door.open();
      await late;
      expect(await app.me(tab)).toMatchObject({ principal: 'ann', data: { cart: [1, 2] } });
      expect((await app.me(jar)).data).toEqual({ cart: [1], old: 1, user: { id: 'ann' } });
    });

    it('admits nobody by an old id if the login falls together with a renewal (#11)', async () => {
      await start({ renewAfter: '10m', idleTimeout: '1d' });
      const jar = new Jar();
      await app.post(jar, 'set', { cart: [1] });
      const planted = copyOf(jar);
      clock.advance(11 * MINUTE);
      await app.post(jar, 'set', { user: { id: 'ann' } });
      expect((await app.get(jar, 'home')).status).toBe(200);
      expect((await app.get(planted, 'home')).status).toBe(401);
    });

    it('admits nobody by an old id that a renewal has just replaced (#11)', async () => {
      await start();
      const jar = new Jar();
      await app.post(jar, 'set', { cart: [1] });
      const [planted, tab] = [copyOf(jar), copyOf(jar)];
      await app.post(jar, 'renew');
      await app.post(tab, 'set', { user: { id: 'ann' } });
      expect((await app.get(tab, 'home')).status).toBe(200);
      expect((await app.get(planted, 'home')).status).toBe(401);
      expect((await app.get(jar, 'home')).status).toBe(401);
    });

    it('does not end the session if the clock was ahead while it wrote (#11)', async () => {
      await start({ idleTimeout: '1h' });
      const jar = await app.loggedIn('ann');
      await changeAround(jar, { note: 1 }, () => Promise.resolve(clock.advance(120 * MINUTE)));
      clock.advance(-120 * MINUTE);
      expect((await app.me(jar)).principal).toBe('ann');
    });

    it('does not end a session that a clock which is behind logs in to or confirms (#11)', async () => {
      await start({ idleTimeout: '1h' });
      const jar = await app.loggedIn('ann');
      clock.advance(-90 * MINUTE);
      await app.post(jar, 'confirm');
      clock.advance(90 * MINUTE);
      expect((await app.me(jar)).principal).toBe('ann');
    });

    it('does not end a session whose end another process knows better (#11)', async () => {
      await start({ idleTimeout: '1h' });
      const jar = await app.loggedIn('ann');
      const { expiresAt } = await app.me(jar);
      clock.advance(-59 * MINUTE);
      await app.post(jar, 'set', { note: 1 });
      clock.advance(59 * MINUTE);
      expect((await app.me(jar)).expiresAt).toBe(expiresAt);
    });
  });
});
