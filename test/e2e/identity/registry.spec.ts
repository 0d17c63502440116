import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Jar } from '../../support/app.js';
import { describeEachStoreOnBoth as describeEachStore } from '../../support/stores-on-both.js';
import { type AnySession, copyOf, gate, idIn, LoginApp, ManualClock } from '../../support/login-app.js';

const DAY = 86_400_000;

describeEachStore((each) => {
  describe('the registry', () => {
    let app: LoginApp;
    let clock: ManualClock;
    beforeEach(async () => {
      clock = new ManualClock();
      app = await LoginApp.start(await each.open({ clock }), { clock });
    });
    afterEach(() => app.close());

    const handleOf = async (jar: Jar): Promise<string> => (await app.me(jar)).handle;
    const handles = async (principal: string): Promise<string[]> =>
      (await app.registry.list({ principal })).sessions.map(({ handle }) => handle);
    const isIn = async (jar: Jar): Promise<boolean> => (await app.get(jar, 'home')).status === 200;

    it("lists a user's own sessions with their devices, newest login first, and no id", async () => {
      const jars: Jar[] = [];
      for (let n = 0; n < 3; n += 1) {
        const jar = new Jar();
        const headers = { 'content-type': 'application/json', 'user-agent': `Phone ${n}` };
        await jar.fetch(`${app.url}/login`, { method: 'POST', headers, body: '{"id":"ann"}' });
        jars.push(jar);
        clock.advance(1_000);
      }
      await app.loggedIn('bob');
      const { sessions, cursor } = await app.registry.list({ principal: 'ann' });
      expect(sessions.map(({ device }) => device.userAgent)).toEqual(['Phone 2', 'Phone 1', 'Phone 0']);
      expect(sessions.every(({ principal }) => principal === 'ann')).toBe(true);
      expect(cursor).toBeUndefined();
      const text = JSON.stringify([await app.registry.list(), sessions, await app.registry.find(idIn(jars[0]!))]);
      for (const jar of jars) expect(text).not.toContain(idIn(jar));
      expect(await app.registry.find(idIn(jars[0]!))).toEqual(sessions[2]);
      expect(await app.registry.find('nobody')).toBeUndefined();
      expect(await app.registry.count({ principal: 'ann' })).toBe(3);
      expect(await app.registry.count()).toBe(4);
    });

    it('gives pages that neither repeat nor leave out a session, with a cursor that shows no id', async () => {
      const jars = await Promise.all(Array.from({ length: 7 }, () => app.loggedIn('ann')));
      const other = await app.loggedIn('bob');
      for (const whose of [{ principal: 'ann' }, {}]) {
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await app.registry.list({ ...whose, limit: 3, cursor });
          expect(page.sessions.length).toBeLessThanOrEqual(3);
          seen.push(...page.sessions.map(({ handle }) => handle));
          cursor = page.cursor;
          for (const jar of [...jars, other]) {
            expect(cursor ?? '').not.toContain(idIn(jar));
            expect(Buffer.from(cursor ?? '', 'base64url').toString('latin1')).not.toContain(idIn(jar));
          }
        } while (cursor !== undefined);
        expect(new Set(seen).size).toBe(seen.length);
        expect(seen).toHaveLength('principal' in whose ? 7 : 8);
      }
      await expect(app.registry.list({ principal: 'ann', cursor: 'made up' })).rejects.toThrow(/cursor/);
      await expect(app.registry.list({ limit: 0 })).rejects.toThrow(/limit/);
    });

    it('continues after a page whose last session has ended meanwhile', async () => {
      for (let n = 0; n < 4; n += 1) {
        await app.loggedIn('ann');
        clock.advance(1);
      }
      const all = await handles('ann');
      const { cursor } = await app.registry.list({ principal: 'ann', limit: 2 });
      await app.registry.revoke(all[1]!, { principal: 'ann' });
      const rest = (await app.registry.list({ principal: 'ann', limit: 2, cursor })).sessions.map(
        ({ handle }) => handle,
      );
      expect(rest).toEqual(all.slice(2));
    });

    it("ends one session by its handle, and refuses another user's", async () => {
      const ann = await app.loggedIn('ann');
      const phone = await app.loggedIn('ann');
      const bob = await app.loggedIn('bob');
      expect(await app.registry.revoke(await handleOf(bob), { principal: 'ann' })).toBe(false);
      expect(await isIn(bob)).toBe(true);
      app.happened();
      expect(await app.registry.revoke(await handleOf(phone), { principal: 'ann' })).toBe(true);
      expect([await isIn(phone), await isIn(ann)]).toEqual([false, true]);
      expect(await app.registry.revoke(await handleOf(bob))).toBe(true);
      expect(await isIn(bob)).toBe(false);
      expect(await app.registry.revoke('no such handle')).toBe(false);
      expect(app.happened().filter((type) => type === 'revoked')).toHaveLength(2);
    });

    it('ends all sessions of an account that is disabled', async () => {
      const jars = await Promise.all(Array.from({ length: 4 }, () => app.loggedIn('ann')));
      const bob = await app.loggedIn('bob');
      expect(await app.registry.revokeAll('ann')).toBe(4);
      expect(await Promise.all(jars.map(isIn))).toEqual([false, false, false, false]);
      expect(await isIn(bob)).toBe(true);
      expect([
        await handles('ann'),
        await app.registry.count({ principal: 'ann' }),
        await app.registry.count(),
      ]).toEqual([[], 0, 1]);
    });

    it('ends all others when a password was changed, and spares the one through all that follows', async () => {
      const jar = await app.loggedIn('ann');
      const others = await Promise.all([app.loggedIn('ann'), app.loggedIn('ann')]);
      expect(await (await app.post(jar, 'password')).json()).toEqual({ ended: 2 });
      expect(await Promise.all(others.map(isIn))).toEqual([false, false]);
      expect(await isIn(jar)).toBe(true);
      await app.post(jar, 'renew');
      clock.advance(60_000);
      expect(await isIn(jar)).toBe(true);
      await app.post(jar, 'confirm');
      expect(await isIn(jar)).toBe(true);

      const spared = await app.loggedIn('bob');
      const other = await app.loggedIn('bob');
      clock.advance(1_000);
      await app.registry.revokeAll('bob', { except: await handleOf(spared) });
      clock.advance(1_000);
      await app.post(spared, 'renew');
      await app.post(spared, 'set', { cart: [1] });
      expect([await isIn(spared), await isIn(other)]).toEqual([true, false]);
    });

    it('lets in who logs in right after all of his sessions were ended, in the same millisecond or by a slower clock', async () => {
      await app.loggedIn('ann');
      await app.registry.revokeAll('ann');
      const same = await app.loggedIn('ann');
      expect(await isIn(same)).toBe(true);
      clock.advance(-5_000);
      const earlier = await app.loggedIn('ann');
      expect(await isIn(earlier)).toBe(true);
      await app.post(earlier, 'renew');
      await app.post(same, 'confirm');
      expect([await isIn(earlier), await isIn(same)]).toEqual([true, true]);

      const jar = new Jar();
      await app.registry.revokeAll('pat');
      await app.post(jar, 'passport', { id: 'pat' });
      expect(await isIn(jar)).toBe(true);
      // A session that was begun before, and that somebody logged in to afterwards.
      const anonymous = new Jar();
      await app.post(anonymous, 'set', { cart: [1] });
      clock.advance(1_000);
      await app.registry.revokeAll('42');
      clock.advance(1_000);
      await app.post(anonymous, 'set', { user: { id: 42 } });
      await app.post(anonymous, 'renew');
      expect(await isIn(anonymous)).toBe(true);
    });

    it('ends a login that is in flight while all sessions are ended', async () => {
      for (const path of ['login', 'passport']) {
        const jar = new Jar();
        const door = gate.close(path);
        const login = app.post(jar, path, { id: 'ann' });
        await door.arrived;
        clock.advance(5);
        await app.registry.revokeAll('ann');
        door.open();
        await login;
        expect(jar.cookies.has('sid')).toBe(false);
        expect(await handles('ann')).toEqual([]);
      }
      // The same without a clock that tells before from after.
      const jar = new Jar();
      await app.registry.revokeAll('ann');
      const door = gate.close('login');
      const login = app.post(jar, 'login', { id: 'ann' });
      await door.arrived;
      await app.registry.revokeAll('ann');
      door.open();
      await login;
      expect(await handles('ann')).toEqual([]);
    });

    it('revokes a session and not one that took its place (#11)', async () => {
      const jar = await app.loggedIn('ann');
      const before = await handleOf(jar);
      // What passport does: a new session, of the same user.
      await app.post(jar, 'passport', { id: 'ann' });
      expect(await handleOf(jar)).not.toBe(before);
      expect(await app.registry.revoke(before, { principal: 'ann' })).toBe(false);
      expect(await isIn(jar)).toBe(true);
    });

    it('holds no session that was deleted by hand, or has expired', async () => {
      const [gone, stays] = [await app.loggedIn('ann'), await app.loggedIn('ann')];
      await app.place.rawDelete(idIn(gone));
      expect(await handles('ann')).toEqual([await handleOf(stays)]);
      expect(await app.registry.count({ principal: 'ann' })).toBe(1);
      if (each.name.startsWith('redis')) return; // Redis' own clock decides there; see the timeouts.
      clock.advance(2 * DAY);
      expect(await handles('ann')).toEqual([]);
      expect(await app.registry.count()).toBe(0);
    });

    it('indexes sessions whose owner the store did not know', async () => {
      const cookie = { originalMaxAge: null, expires: null, httpOnly: true, path: '/' };
      for (let n = 0; n < 3; n += 1)
        await app.place.rawCreate(`peer-${n}-0123456789`, JSON.stringify({ cookie, passport: { user: 'pat' } }));
      await app.place.rawCreate('peer-of-nobody-0123456789', JSON.stringify({ cookie, cart: [] }));
      expect(await handles('pat')).toEqual([]);
      expect(await app.registry.reindex()).toBe(3);
      expect(await handles('pat')).toHaveLength(3);
      expect(await app.registry.reindex()).toBe(0);
    });

    it('opens a session for a job, which can change and end it and give it no new id', async () => {
      const jar = await app.loggedIn('ann');
      const session = (await app.registry.open(idIn(jar))) as AnySession;
      await session.update((draft) => void (draft['mail'] = 'sent'));
      expect((await app.me(jar)).data).toMatchObject({ mail: 'sent' });
      await expect(session.login('eve')).rejects.toThrow(/no HTTP response/);
      await expect(session.renew()).rejects.toThrow(/no HTTP response/);
      await session.destroy();
      expect(await isIn(jar)).toBe(false);
      expect(await app.registry.open('nobody')).toBeUndefined();
    });

    it('refuses an update(fn) that makes the session of one user that of another (#11)', async () => {
      const jar = await app.loggedIn('ann', { user: { id: 'ann' } });
      const session = (await app.registry.open(idIn(jar))) as AnySession;
      const become = session.update((draft) => void (draft['user'] = { id: 'eve' }));
      await expect(become).rejects.toThrow(/made the session of "ann" that of "eve"/);
      await session.update((draft) => void (draft['user'] = { id: 'ann', name: 'Ann' }));
      const { data, principal } = await app.me(jar);
      expect({ data, principal }).toMatchObject({ data: { user: { id: 'ann', name: 'Ann' } }, principal: 'ann' });
    });

    it('opens a session by its handle, of its principal and of no other (#15.7)', async () => {
      const jar = await app.loggedIn('ann');
      const handle = await handleOf(jar);
      const { registry } = app;
      const session = (await registry.openByHandle(handle, { principal: 'ann' })) as AnySession;
      await session.update((draft) => void (draft['mail'] = 'sent'));
      expect((await app.me(jar)).data).toMatchObject({ mail: 'sent' });
      await app.post(jar, 'renew');
      expect((await registry.openByHandle(handle, { principal: 'ann' }))!.info.principal).toBe('ann');
      expect((await registry.openByHandle(handle))!.info.principal).toBe('ann');
      expect(await registry.openByHandle(handle, { principal: 'bob' })).toBeUndefined();
      expect(await registry.openByHandle('nobody', { principal: 'ann' })).toBeUndefined();
      await expect(registry.openByHandle(handle, { principal: undefined })).rejects.toThrow(/openByHandle\(\)/);
      await (await registry.openByHandle(handle, { principal: 'ann' }))!.destroy();
      expect(await isIn(jar)).toBe(false);
      expect(await registry.openByHandle(handle, { principal: 'ann' })).toBeUndefined();
    });

    it('ends nothing by the handle of a session that stays, when a mark names it', async () => {
      const jar = await app.loggedIn('ann');
      const handle = await handleOf(jar);
      await app.registry.revokeAll('ann', { except: handle });
      expect(await app.registry.revoke(handle)).toBe(true);
      const late = copyOf(jar);
      expect(await isIn(late)).toBe(false);
      // The mark itself is still there: what is in flight from before it doesn't count.
      const opened = (await app.registry.open(idIn(await app.loggedIn('ann')))) as AnySession;
      expect(opened.info.principal).toBe('ann');
      expect(await app.place.rawDump()).toContain('keycard.');
    });
  });
});
