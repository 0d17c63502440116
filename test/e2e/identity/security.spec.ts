import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, HttpCode, Param, Post, UseGuards } from '@nestjs/common';
import { CookieSigner } from '../../../lib/cookie/cookie-signer.js';
import { newSessionId } from '../../../lib/common/session-id.js';
import { Public, RequireRecentLogin, RequireSession, Session, SessionGuard, SessionRegistry } from 'nestjs-keycard';
import { Jar, post, SECRET, startApp } from '../../support/app.js';
import { BarrierStore } from '../../support/barrier-store.js';
import { describeEachStoreOnBoth as describeEachStore } from '../../support/stores-on-both.js';
import { type AnySession, idIn, LoginApp, ManualClock } from '../../support/login-app.js';

describeEachStore((each) => {
  describe('security', () => {
    let app: LoginApp;
    let counting: BarrierStore;
    let clock: ManualClock;
    beforeEach(async () => {
      clock = new ManualClock();
      const place = await each.open({ clock });
      counting = new BarrierStore(place.store);
      app = await LoginApp.start({ ...place, store: counting }, { clock });
    });
    afterEach(() => app.close());
    const isIn = async (jar: Jar): Promise<boolean> => (await app.get(jar, 'home')).status === 200;
    const signed = (id: string): string => encodeURIComponent(new CookieSigner([SECRET]).sign(id));

    it('asks the store for no id that is malformed, oversized or not signed', async () => {
      const jar = await app.loggedIn('ann');
      const good = jar.cookies.get('sid')!;
      const before = counting.calls;
      const cards = [
        '', 's:', 's%3A.', 'garbage', '%', '%00', good.slice(0, -1), `${good}A`, good.replace('s%3A', ''), idIn(jar), good.replace(/^s%3A./, 's%3A!'),
        `s%3A${'x'.repeat(300)}.${good.slice(-43)}`, 'x'.repeat(4_000), signed('../../etc/passwd\n'), signed('x'.repeat(257)), signed('a b'),
        signed('').replace('s%3A', 's:'), '{"$ne":null}', "' OR 1=1 --",
        encodeURIComponent(new CookieSigner(['another secret of at least thirty-two bytes']).sign(idIn(jar))),
      ]; // prettier-ignore
      for (const card of cards) {
        const stranger = new Jar();
        stranger.cookies.set('sid', card);
        expect([card, (await app.get(stranger, 'me')).status]).toEqual([card, 200]);
        expect((await app.get(stranger, 'home')).status).toBe(401);
      }
      expect(counting.calls).toBe(before);
      expect(await isIn(jar)).toBe(true);
      expect(counting.calls).toBe(before + 1);
    });

    it('creates nothing for an anonymous visit', async () => {
      const jar = new Jar();
      const before = counting.calls;
      for (const path of ['none', 'me', 'home', 'nowhere']) {
        const response = await app.get(jar, path);
        expect(response.headers.get('set-cookie')).toBeNull();
      }
      expect(counting.calls).toBe(before);
      expect(await app.place.store.count!()).toBe(0);
    });

    it('shows users their own sessions, and lets them end one, after a recent login', async () => {
      @Controller()
      class DevicesController {
        constructor(private readonly registry: SessionRegistry) {}
        @Get('devices')
        @RequireSession()
        list(@Session() session: AnySession) {
          return this.registry.list({ principal: session.info.principal });
        }
        @Post('devices/:handle/end')
        @HttpCode(200)
        @RequireRecentLogin('10m')
        async end(@Session() session: AnySession, @Param('handle') handle: string) {
          return { ended: await this.registry.revoke(handle, { principal: session.info.principal }) };
        }
      }
      const devices = await startApp([DevicesController], { store: counting, clock });
      const [jar, phone, bob] = [await app.loggedIn('ann'), await app.loggedIn('ann'), await app.loggedIn('bob')];
      const own = (await (await jar.fetch(`${devices.url}/devices`)).json()) as { sessions: { handle: string }[] };
      expect(own.sessions.map(({ handle }) => handle).sort()).toEqual(
        [(await app.me(jar)).handle, (await app.me(phone)).handle].sort(),
      );
      const end = async (handle: string): Promise<unknown> =>
        (await jar.fetch(`${devices.url}/devices/${handle}/end`, post())).json();
      expect(await end((await app.me(bob)).handle)).toEqual({ ended: false });
      clock.advance(11 * 60_000);
      expect(await end((await app.me(phone)).handle)).toMatchObject({ reason: 'recent-login-required' });
      expect(await isIn(phone)).toBe(true);
      await app.post(jar, 'confirm');
      expect(await end((await app.me(phone)).handle)).toEqual({ ended: true });
      expect(await Promise.all([jar, phone, bob].map(isIn))).toEqual([true, false, true]);
      await devices.close();
    });

    it('ends the sessions of all users at once', async () => {
      const jars = [await app.loggedIn('ann'), await app.loggedIn('bob')];
      for (const { principal } of (await app.registry.list()).sessions) await app.registry.revokeAll(principal!);
      expect(await Promise.all(jars.map(isIn))).toEqual([false, false]);
      expect(await app.registry.count()).toBe(0);
    });

    it('keeps the session on the server: the cookie holds an id and a signature, and nothing else', async () => {
      const jar = await app.loggedIn('ann', { user: { name: 'Ann' }, big: 'x'.repeat(10_000) });
      expect(decodeURIComponent(jar.cookies.get('sid')!)).toMatch(/^s:[\w-]{32}\.[A-Za-z0-9+/]{43}$/);
      // One session for each login, in two browsers of one user too.
      const phone = await app.loggedIn('ann');
      expect(idIn(phone)).not.toBe(idIn(jar));
      await app.post(phone, 'logout');
      expect([await isIn(jar), await isIn(phone)]).toEqual([true, false]);
    });
  });
});

describe('the cookie', () => {
  const https = { 'x-forwarded-proto': 'https' };

  it('is HttpOnly, SameSite=Lax, Secure on https, of the root path and no domain by default, and ends with the browser', async () => {
    const { MemoryStore } = await import('nestjs-keycard');
    const app = await LoginApp.start({ store: new MemoryStore(), close: async () => undefined } as never, {
      proxy: true,
    });
    const jar = new Jar();
    const headers = { 'content-type': 'application/json' };
    const login = (more: object) =>
      jar.fetch(`${app.url}/login`, { method: 'POST', headers: { ...headers, ...more }, body: '{"id":"ann"}' });
    await login(https);
    expect(jar.last[0]).toMatch(/^sid=s%3A[^;]+; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
    await login({});
    expect(jar.last[0]).toMatch(/^sid=s%3A[^;]+; Path=\/; HttpOnly; SameSite=Lax$/);
    await app.close();
  });

  it('bears the __Host- prefix with what it asks for, and is cleared with the same attributes', async () => {
    const { MemoryStore } = await import('nestjs-keycard');
    const cookie = { secure: true, sameSite: 'strict' } as const;
    const app = await LoginApp.start({ store: new MemoryStore(), close: async () => undefined } as never, {
      proxy: true,
      name: '__Host-sid',
      cookie,
    });
    const jar = new Jar();
    const request = (path: string) =>
      jar.fetch(`${app.url}/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...https },
        body: '{"id":"ann"}',
      });
    const set = await request('login');
    expect(jar.last[0]).toMatch(/^__Host-sid=s%3A[^;]+; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    expect(set.headers.get('cache-control')).toContain('no-cache="Set-Cookie"');
    const cleared = await request('logout');
    expect(jar.last[0]).toBe(
      '__Host-sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Strict',
    );
    expect(cleared.headers.get('cache-control')).toContain('no-cache="Set-Cookie"');
    await expect(LoginApp.start({ store: new MemoryStore() } as never, { name: '__Host-sid' })).rejects.toThrow(
      /secure/,
    );
    await app.close();
  });

  it('comes with Cache-Control, so that no shared cache hands it on', async () => {
    const { MemoryStore } = await import('nestjs-keycard');
    const app = await LoginApp.start({ store: new MemoryStore(), close: async () => undefined } as never);
    const jar = new Jar();
    expect((await app.post(jar, 'login', { id: 'ann' })).headers.get('cache-control')).toBe('no-cache="Set-Cookie"');
    expect((await app.get(jar, 'me')).headers.get('cache-control')).toBeNull();
    await app.close();
  });
});

describe('an id', () => {
  it('has 192 random bits, over the 128 that are asked for, and no meaning', () => {
    const ids = Array.from({ length: 4_000 }, newSessionId);
    expect(new Set(ids).size).toBe(ids.length);
    const ones = new Array<number>(192).fill(0);
    for (const id of ids) {
      expect(id).toMatch(/^[\w-]{32}$/);
      const bytes = Buffer.from(id, 'base64url');
      expect(bytes).toHaveLength(24);
      for (let bit = 0; bit < 192; bit += 1) ones[bit]! += (bytes[bit >> 3]! >> (bit & 7)) & 1;
    }
    // Each bit is set in half of them, give or take six standard deviations: none is fixed.
    for (const count of ones) expect(Math.abs(count - ids.length / 2)).toBeLessThan((6 * Math.sqrt(ids.length)) / 2);
  });
});

describe('a public controller', () => {
  it('does not open a route of its own that asks for a login', async () => {
    @Controller()
    @Public()
    @UseGuards(SessionGuard)
    class OpenController {
      @Get('open')
      open() {
        return {};
      }
      @Get('closed')
      @RequireSession()
      closed() {
        return {};
      }
      @Post('danger')
      @RequireRecentLogin('10m')
      danger(@Body() _body: unknown) {
        return {};
      }
    }
    const app = await startApp([OpenController]);
    const status = async (path: string, init?: RequestInit): Promise<number> =>
      (await fetch(`${app.url}/${path}`, init)).status;
    expect([await status('open'), await status('closed'), await status('danger', post())]).toEqual([200, 401, 401]);
    await app.close();
  });
});
