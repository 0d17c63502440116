import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Jar } from '../../support/app.js';
import { describeEachStoreOnBoth as describeEachStore } from '../../support/stores-on-both.js';
import { copyOf, gate, idIn, LoginApp, ManualClock } from '../../support/login-app.js';

const MINUTE = 60_000;

describeEachStore((each) => {
  describe('login', () => {
    let clock: ManualClock;
    let app: LoginApp;
    const start = async (
      options: Parameters<typeof LoginApp.start>[1] = {},
      extra?: Parameters<typeof LoginApp.start>[2],
    ) => {
      clock = new ManualClock();
      app = await LoginApp.start(await each.open({ clock }), { clock, ...options }, extra);
    };
    beforeEach(() => start());
    afterEach(() => app.close());

    it('gives a new id at login, and the old one is invalid', async () => {
      const jar = new Jar();
      await app.post(jar, 'set', { cart: ['card'] });
      const old = copyOf(jar);
      await app.post(jar, 'login', { id: 'ann', data: { user: { name: 'Ann' } } });

      expect(idIn(jar)).not.toBe(idIn(old));
      expect(await app.me(jar)).toMatchObject({ principal: 'ann', data: { cart: ['card'], user: { name: 'Ann' } } });
      expect((await app.get(old, 'home')).status).toBe(401);
      expect((await app.me(old)).data).toEqual({});
      // Neither a new cookie nor a removed one: the browser may hold the new one by now.
      expect(old.last).toEqual([]);
      clock.advance(31_000);
      expect((await app.get(old, 'home')).status).toBe(401);
      expect((await app.get(jar, 'home')).status).toBe(200);
    });

    it('never takes an id that a visitor sends', async () => {
      const stranger = new Jar();
      await app.post(stranger, 'set', { planted: true });
      await app.place.rawDelete(idIn(stranger));
      const victim = copyOf(stranger);
      await app.post(victim, 'login', { id: 'ann' });
      expect(idIn(victim)).not.toBe(idIn(stranger));
      expect((await app.me(stranger)).principal).toBeUndefined();
    });

    it('lets two logins with one old cookie at once each have a session of its own', async () => {
      const jar = new Jar();
      await app.post(jar, 'set', { cart: [] });
      const other = copyOf(jar);
      const door = gate.close('login');
      const first = app.post(jar, 'login', { id: 'ann' });
      await door.arrived;
      const second = app.post(other, 'login', { id: 'ann' });
      door.open();
      expect([(await first).status, (await second).status]).toEqual([200, 200]);
      expect(idIn(jar)).not.toBe(idIn(other));
      for (const one of [jar, other]) expect((await app.me(one)).principal).toBe('ann');

      // After the fact, too: who still holds the cookie of before the login may log in.
      const late = new Jar();
      await app.post(late, 'set', { a: 1 });
      const old = copyOf(late);
      await app.post(late, 'login', { id: 'bob' });
      expect((await app.post(old, 'login', { id: 'cid' })).status).toBe(200);
      expect((await app.me(old)).principal).toBe('cid');
      expect((await app.me(late)).principal).toBe('bob');
    });

    it('ends the session at logout, and clears the cookie', async () => {
      const jar = await app.loggedIn('ann');
      const thief = copyOf(jar);
      const id = idIn(jar);
      await app.post(jar, 'logout');
      expect(jar.cookies.has('sid')).toBe(false);
      expect(await app.place.rawRead(id)).toBeUndefined();
      expect((await app.get(thief, 'home')).status).toBe(401);
      expect((await app.post(thief, 'logout')).status).toBe(200);
    });

    it('carries nothing of a session that was logged out meanwhile over to a new login', async () => {
      const jar = await app.loggedIn('ann', { user: { name: 'Ann' }, secret: 'of Ann' });
      const other = copyOf(jar);
      const door = gate.close('login');
      const login = app.post(other, 'login', { id: 'bob', data: { user: { name: 'Bob' } } });
      await door.arrived;
      await app.post(jar, 'logout');
      door.open();
      expect((await login).status).toBe(200);
      expect(await app.me(other)).toMatchObject({ principal: 'bob', data: { user: { name: 'Bob' } } });
      expect((await app.me(other)).data).not.toHaveProperty('secret');
    });

    it('keeps what a login was given when another request deletes the same key meanwhile', async () => {
      const jar = await app.loggedIn('ann', { user: { name: 'Ann' } });
      const other = copyOf(jar);
      const door = gate.close('login');
      const login = app.post(jar, 'login', { id: 'bob', data: { user: { name: 'Bob' } } });
      await door.arrived;
      await app.post(other, 'delete/user');
      door.open();
      await login;
      expect(await app.me(jar)).toMatchObject({ principal: 'bob', data: { user: { name: 'Bob' } } });
    });

    it('tells who is logged in, since when, and where from', async () => {
      const jar = new Jar();
      await app.post(jar, 'set', { cart: [] });
      const begun = clock.time;
      clock.advance(5 * MINUTE);
      await jar.fetch(`${app.url}/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'user-agent': `Phone ${'x'.repeat(300)}` },
        body: JSON.stringify({ id: 7, data: { user: { name: 'Ann' } } }),
      });
      const loggedIn = clock.time;
      clock.advance(2 * MINUTE);
      const me = await app.me(jar);
      expect(me.principal).toBe('7');
      expect(Date.parse(me.authenticatedAt!)).toBe(loggedIn);
      expect(Date.parse(me.createdAt)).toBe(loggedIn);
      expect(Date.parse(me.createdAt)).not.toBe(begun);
      expect(me.device.userAgent).toMatch(/^Phone x+$/);
      expect(me.device.userAgent).toHaveLength(256);
      expect(me.device.ip).toMatch(/127\.0\.0\.1$/);
      expect(me.handle).toMatch(/^[\w-]{22}$/);
      expect(JSON.stringify(me)).not.toContain(idIn(jar));
      await app.get(jar, 'none');
      expect(Date.parse((await app.me(jar)).lastSeenAt)).toBe(clock.time);
    });

    it('asks for a recent login, and says so in a way that a client can act on', async () => {
      const jar = await app.loggedIn('ann');
      expect((await app.post(jar, 'danger')).status).toBe(200);
      clock.advance(10 * MINUTE + 1);
      const refused = await app.post(jar, 'danger');
      expect(refused.status).toBe(401);
      expect(await refused.json()).toMatchObject({ reason: 'recent-login-required', maxAgeSeconds: 600 });
      expect(await (await app.post(new Jar(), 'danger')).json()).toMatchObject({ reason: 'login-required' });

      const old = copyOf(jar);
      await app.post(jar, 'confirm');
      expect((await app.post(jar, 'danger')).status).toBe(200);
      // ASVS 5 V7.2.4: who proves again who they are gets a new id, and the one of before is ended.
      expect(idIn(jar)).not.toBe(idIn(old));
      expect((await app.post(old, 'danger')).status).toBe(401);
      expect((await app.get(old, 'home')).status).toBe(401);
    });

    it('confirms no login of nobody', async () => {
      expect((await app.post(new Jar(), 'confirm')).status).toBe(500);
      const jar = await app.loggedIn('ann');
      const door = gate.close('slow');
      const slow = app.get(copyOf(jar), 'slow');
      await door.arrived;
      await app.post(jar, 'logout');
      door.open();
      await slow;
      expect((await app.post(jar, 'confirm')).status).toBe(500);
    });
  });
});

describe('the device', () => {
  it('has the address that the framework sees behind the proxies it trusts', async () => {
    const { MemoryStore } = await import('nestjs-keycard');
    for (const [trusted, address] of [
      [1, '203.0.113.7'],
      [false, '127.0.0.1'],
    ] as const) {
      const place = { store: new MemoryStore(), close: async () => undefined } as never;
      const app = await LoginApp.start(
        place,
        {},
        { before: (nest) => (nest as NestExpressApplication).set('trust proxy', trusted) },
      );
      const jar = new Jar();
      const headers = { 'content-type': 'application/json', 'x-forwarded-for': '198.51.100.9, 203.0.113.7' };
      await jar.fetch(`${app.url}/login`, { method: 'POST', headers, body: '{"id":"ann"}' });
      expect((await app.me(jar)).device.ip).toContain(address);
      expect((await app.registry.list({ principal: 'ann' })).sessions[0]!.device.ip).toContain(address);
      await app.close();
    }
  });

  it('is not kept if the option says so', async () => {
    const { MemoryStore } = await import('nestjs-keycard');
    const app = await LoginApp.start({ store: new MemoryStore(), close: async () => undefined } as never, {
      device: false,
    });
    const jar = await app.loggedIn('ann');
    expect((await app.me(jar)).device).toEqual({});
    await app.close();
  });
});
