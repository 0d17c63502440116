import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Jar, SECRET } from '../../support/app.js';
import { CookieSigner } from '../../../lib/cookie/cookie-signer.js';
import { describeEachStoreOnBoth as describeEachStore } from '../../support/stores-on-both.js';
import { copyOf, gate, idIn, LoginApp, ManualClock } from '../../support/login-app.js';

const cookie = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' };
let last = 0;

describeEachStore((each) => {
  describe('what a login stands on', () => {
    let app: LoginApp;
    let clock: ManualClock;
    beforeEach(async () => {
      clock = new ManualClock();
      app = await LoginApp.start(await each.open({ clock }), { clock });
    });
    afterEach(() => app.close());

    /** Changes the record as express-session would: it keeps our facts among the data, and knows nothing of them. */
    const asPeer = async (jar: Jar, change: (session: Record<string, unknown>) => void): Promise<void> => {
      const session = JSON.parse((await app.place.rawRead(idIn(jar)))!) as Record<string, unknown>;
      change(session);
      await app.place.rawWrite(idIn(jar), JSON.stringify(session));
    };
    const handles = async (principal: string): Promise<string[]> =>
      (await app.registry.list({ principal })).sessions.map(({ handle }) => handle);
    /** A browser whose session a peer made. */
    const peerSession = async (data: Record<string, unknown>, cookieJson: object = cookie): Promise<Jar> => {
      const id = `peer-session-${Date.now()}-${(last += 1)}`;
      await app.place.rawCreate(id, JSON.stringify({ cookie: cookieJson, ...data }));
      const jar = new Jar();
      jar.cookies.set('sid', encodeURIComponent(new CookieSigner([SECRET]).sign(id)));
      return jar;
    };

    for (const [what, change] of [
      ['changes user', (session) => void (session['user'] = { name: 'Mallory' })],
      ['deletes user', (session) => void delete session['user']],
      ['adds passport', (session) => void (session['passport'] = { user: 'mallory' })],
      ['changes a key that login() was given', (session) => void (session['tenant'] = 'other')],
      ['deletes a key that login() was given', (session) => void delete session['tenant']],
    ] as [string, (session: Record<string, unknown>) => void][]) {
      it(`counts no more when another writer ${what}`, async () => {
        const jar = await app.loggedIn('ann', { user: { name: 'Ann' }, tenant: 'one' });
        app.happened();
        await asPeer(jar, change);
        const me = await app.me(jar);
        expect(me.principal).toBe(what === 'adds passport' ? 'mallory' : undefined);
        expect(me.authenticatedAt).toBeUndefined();
        expect((await app.post(jar, 'danger')).status).toBe(401);
        expect(app.happened().filter((type) => type === 'principal-void')).toEqual(['principal-void']);
        expect(await handles('ann')).toEqual([]);
        if (what === 'adds passport') expect(await handles('mallory')).toHaveLength(1);
      });
    }

    it('counts no more when another writer changes more of user than the id', async () => {
      const jar = await app.loggedIn('7', { user: { id: 7, role: 'guest' } });
      await asPeer(jar, (session) => void (session['user'] = { id: 7, role: 'admin' }));
      expect((await app.me(jar)).authenticatedAt).toBeUndefined();
      expect((await app.post(jar, 'danger')).status).toBe(401);
    });

    it('counts no more when the app deletes user', async () => {
      const jar = await app.loggedIn('ann');
      app.happened();
      await app.post(jar, 'delete/user');
      expect((await app.me(jar)).principal).toBeUndefined();
      expect((await app.get(jar, 'home')).status).toBe(401);
      expect(app.happened()).toContain('principal-void');
      expect(await handles('ann')).toEqual([]);
    });

    it('counts on when the app changes user and it stays the same person', async () => {
      const jar = await app.loggedIn('7', { user: { id: 7, name: 'Ann' } });
      await app.post(jar, 'set', { user: { id: 7, name: 'Anna' }, cart: [1] });
      expect(await app.me(jar)).toMatchObject({
        principal: '7',
        authenticatedAt: expect.any(String),
        data: { user: { name: 'Anna' } },
      });
      expect((await app.post(jar, 'danger')).status).toBe(200);
      await asPeer(jar, (session) => void (session['cart'] = [1, 2]));
      expect(await app.me(jar)).toMatchObject({ principal: '7', data: { cart: [1, 2] } });
      expect((await app.post(jar, 'danger')).status).toBe(200);
    });

    it('is void when the app makes it somebody else without a login', async () => {
      const jar = await app.loggedIn('7', { user: { id: 7 } });
      await app.post(jar, 'set', { user: { id: 8 } });
      const me = await app.me(jar);
      expect([me.principal, me.authenticatedAt]).toEqual(['8', undefined]);
      expect([await handles('7'), (await handles('8')).length]).toEqual([[], 1]);
    });

    it("knows passport's user, and user.id, if nobody called login()", async () => {
      const jar = new Jar();
      await app.post(jar, 'passport', { id: 'pat' });
      expect((await app.me(jar)).principal).toBe('pat');
      const other = new Jar();
      await app.post(other, 'set', { user: { id: 42 } });
      expect((await app.me(other)).principal).toBe('42');
      expect([(await handles('pat')).length, (await handles('42')).length]).toEqual([1, 1]);
      expect((await app.post(jar, 'danger')).status).toBe(401);
    });

    it('fills the index with the first visit of a session that a peer made', async () => {
      const jar = await peerSession({ passport: { user: 'pat' }, cart: [1] });
      expect(await handles('pat')).toEqual([]);
      expect(await app.me(jar)).toMatchObject({ principal: 'pat', data: { cart: [1] } });
      const [handle] = await handles('pat');
      expect(handle).toBe((await app.me(jar)).handle);
      expect(await app.registry.revoke(handle!, { principal: 'pat' })).toBe(true);
      expect((await app.get(jar, 'home')).status).toBe(401);
    });

    it('moves in the index when a peer logs somebody in to a session of ours', async () => {
      const jar = new Jar();
      await app.post(jar, 'set', { cart: [1] });
      await asPeer(jar, (session) => void (session['passport'] = { user: 'pat' }));
      expect((await app.get(jar, 'home')).status).toBe(200);
      expect(await handles('pat')).toHaveLength(1);
    });

    it("ends a peer's session of before revokeAll(), though no index knew it", async () => {
      const before = await peerSession({ passport: { user: 'pat' } });
      const dated = await peerSession(
        { passport: { user: 'pat' } },
        { ...cookie, originalMaxAge: 3_600_000, expires: new Date(clock.time + 3_600_000).toISOString() },
      );
      const others = await peerSession({ passport: { user: 'sue' } });
      clock.advance(1_000);
      await app.registry.revokeAll('pat');
      clock.advance(1_000);
      expect((await app.get(before, 'home')).status).toBe(401);
      expect((await app.get(copyOf(dated), 'home')).status).toBe(401);
      expect(await app.place.rawRead(idIn(before))).toBeUndefined();
      expect((await app.get(others, 'home')).status).toBe(200);
      // One that its cookie shows to be younger is let in.
      const after = await peerSession(
        { passport: { user: 'pat' } },
        { ...cookie, originalMaxAge: 3_600_000, expires: new Date(clock.time + 3_600_000).toISOString() },
      );
      expect((await app.get(after, 'home')).status).toBe(200);
    });

    /** Logs out by the data, at the front door or in another process. */
    const forgetUser: Record<string, (jar: Jar) => Promise<unknown>> = {
      'another request': (jar) => app.post(jar, 'delete/user'),
      'express-session': (jar) => asPeer(jar, (session) => void delete session['user']),
    };
    for (const [who, forget] of Object.entries(forgetUser)) {
      for (const by of ['login()', 'the data'])
        it(`confirmLogin() in flight does not undo a logout by the data in ${who}, after a login by ${by} (#11)`, async () => {
          const jar = new Jar();
          if (by === 'login()') await app.post(jar, 'login', { id: 'ann', data: { user: { id: 'ann' } } });
          else await app.post(jar, 'set', { user: { id: 'ann' } });
          const tab = copyOf(jar);
          const door = gate.close('confirm');
          const late = app.post(tab, 'confirm');
          await door.arrived;
          await forget(jar);
          door.open();
          expect((await late).status).toBe(409);
          expect((await app.get(tab, 'home')).status).toBe(401);
          expect((await app.get(jar, 'home')).status).toBe(401);
          expect(await handles('ann')).toEqual([]);
        });
    }

    it('confirmLogin() does not undo a logout by the data that a reload() beside it has found (#11)', async () => {
      const jar = await app.loggedIn('ann', { user: { id: 'ann' } });
      const door = gate.close('confirm');
      const late = app.post(copyOf(jar), 'confirm', { reload: true });
      await door.arrived;
      await app.post(jar, 'delete/user');
      door.open();
      expect((await late).ok).toBe(false);
      expect((await app.get(jar, 'home')).status).toBe(401);
      expect(await handles('ann')).toEqual([]);
    });

    for (const data of [{ user: { id: 'ann' } }, undefined])
      it(`a login in flight takes nothing of whom a peer logged in meanwhile (with data: ${data !== undefined}) (#11)`, async () => {
        const jar = new Jar();
        await app.post(jar, 'set', { cart: [1] });
        const door = gate.close('login');
        const late = app.post(jar, 'login', { id: 'ann', data, set: { mine: 1 } });
        await door.arrived;
        await asPeer(jar, (session) => void Object.assign(session, { user: { id: 'bob' }, secret: 'of bob' }));
        door.open();
        expect((await late).status).toBe(200);
        const me = await app.me(jar);
        expect([me.principal, me.data]).toEqual(['ann', { ...data, mine: 1 }]);
      });

    const dated = (): object => ({
      ...cookie,
      originalMaxAge: 3_600_000,
      expires: new Date(clock.time + 3_600_000).toISOString(),
    });

    it('a request in flight does not carry a session of express-session past revokeAll() (#11)', async () => {
      const jar = await peerSession({ passport: { user: 'pat' } }, dated());
      clock.advance(1_000);
      const door = gate.close('slow');
      const slow = app.get(copyOf(jar), 'slow');
      await door.arrived;
      await app.registry.revokeAll('pat');
      clock.advance(1_000);
      door.open();
      expect((await slow).status).toBe(200);
      expect((await app.get(jar, 'home')).status).toBe(401);
      expect(await handles('pat')).toEqual([]);
      expect(await app.place.rawRead(idIn(jar))).toBeUndefined();
    });

    it('a request in flight that finds its session too old does not end the login that has replaced it (#11)', async () => {
      const jar = await peerSession({ passport: { user: 'pat' } }, dated());
      clock.advance(1_000);
      const door = gate.close('slow');
      const slow = app.get(copyOf(jar), 'slow');
      await door.arrived;
      await app.registry.revokeAll('pat');
      clock.advance(1_000);
      await asPeer(jar, (session) => void Object.assign(session, { cookie: dated() }));
      expect((await app.post(jar, 'login', { id: 'pat' })).status).toBe(200);
      door.open();
      await slow;
      expect((await app.get(jar, 'home')).status).toBe(200);
    });

    it('a request in flight goes on with a session that a peer has logged in to again since revokeAll() (#11)', async () => {
      const jar = await peerSession({ passport: { user: 'pat' } }, dated());
      clock.advance(1_000);
      const door = gate.close('set');
      const change = app.post(jar, 'set', { visits: 1 });
      await door.arrived;
      await app.registry.revokeAll('pat');
      clock.advance(1_000);
      await asPeer(jar, (session) => void Object.assign(session, { cookie: dated() }));
      door.open();
      expect((await change).status).toBe(200);
      expect(await app.me(jar)).toMatchObject({ principal: 'pat', data: { visits: 1 } });
    });

    it('revokeAll() ends a login that a peer made in a session of ours, though no index knew it (#11)', async () => {
      const [before, after] = [new Jar(), new Jar()];
      for (const jar of [before, after]) await app.post(jar, 'set', { cart: [1] });
      const logIn = (session: Record<string, unknown>): void =>
        void Object.assign(session, { cookie: dated(), passport: { user: 'pat' } });
      await asPeer(before, logIn);
      clock.advance(1_000);
      await app.registry.revokeAll('pat');
      clock.advance(1_000);
      await asPeer(after, logIn);
      await app.get(before, 'home');
      expect((await app.get(before, 'home')).status).toBe(401);
      expect((await app.get(after, 'home')).status).toBe(200);
      expect((await app.get(after, 'home')).status).toBe(200);
      expect(await handles('pat')).toHaveLength(1);
    });

    it('openByHandle() opens no session that a peer has made somebody else’s (#15.7)', async () => {
      const jar = await app.loggedIn('ann', { user: { id: 'ann' } });
      const { handle } = await app.me(jar);
      expect(await app.registry.openByHandle(handle, { principal: 'ann' })).toBeDefined();
      await asPeer(jar, (session) => void (session['user'] = { id: 'bob' }));
      expect(await app.registry.openByHandle(handle, { principal: 'ann' })).toBeUndefined();
    });
  });
});
