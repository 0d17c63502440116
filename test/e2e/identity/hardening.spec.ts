import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Jar } from '../../support/app.js';
import { type StorePlace } from '../../support/five-stores.js';
import { describeEachStoreOnBoth as describeEachStore } from '../../support/stores-on-both.js';
import { copyOf, idIn, LoginApp, ManualClock } from '../../support/login-app.js';

const KEYS = {
  first: 'the first key of at least thirty-two bytes',
  second: 'the second key of at least thirty-two bytes',
};

describeEachStore((each) => {
  let app: LoginApp;
  let clock: ManualClock;
  let place: StorePlace;
  const start = async (options: Parameters<typeof LoginApp.start>[1]) => {
    clock = new ManualClock();
    place = await each.open({ clock });
    app = await LoginApp.start(place, { clock, ...options });
  };
  /** The same store under other options, as after a deploy. */
  const redeploy = async (options: Parameters<typeof LoginApp.start>[1]) => {
    const next = await LoginApp.start({ ...place, close: async () => undefined }, { clock, ...options });
    const former = app;
    app = Object.assign(next, {
      close: async () => Promise.all([next.test.close(), former.test.close()]).then(() => place.close()),
    });
  };
  afterEach(() => app.close());
  const isIn = async (jar: Jar): Promise<boolean> => (await app.get(jar, 'home')).status === 200;
  const hashed = (id: string): string => createHash('sha256').update(id).digest('base64url');
  const list = async (principal: string) => (await app.registry.list({ principal })).sessions;

  describe('hashIds', () => {
    it('keeps only a hash of the id in the store, and all else works', async () => {
      await start({ hashIds: true, renewAfter: '10m' });
      const jar = await app.loggedIn('ann');
      const phone = await app.loggedIn('ann');
      const ids = [idIn(jar), idIn(phone)];
      await app.post(jar, 'set', { cart: [1] });
      clock.advance(11 * 60_000);
      const old = copyOf(jar);
      await app.get(jar, 'none');
      ids.push(idIn(jar));
      expect(idIn(jar)).not.toBe(idIn(old));
      expect(await app.me(old)).toMatchObject({ principal: 'ann', data: { cart: [1] } });
      const dump = await place.rawDump();
      for (const id of ids) expect(dump).not.toContain(id);
      expect(await place.rawRead(hashed(ids[1]!))).toContain('"ann"');
      // What the store holds opens nothing.
      const thief = copyOf(phone);
      thief.cookies.set('sid', thief.cookies.get('sid')!.replace(ids[1]!, hashed(ids[1]!)));
      expect(await isIn(thief)).toBe(false);

      expect(await list('ann')).toHaveLength(2);
      expect(await app.registry.find(ids[1]!)).toBeDefined();
      const { handle } = await app.me(phone);
      await expect(app.registry.openByHandle(handle, { principal: 'ann' })).rejects.toThrow(/hashIds/);
      expect(await app.registry.revoke(handle, { principal: 'ann' })).toBe(true);
      expect([await isIn(phone), await isIn(jar)]).toEqual([false, true]);
      expect(await app.registry.revokeAll('ann')).toBe(1);
      expect(await isIn(jar)).toBe(false);
      await expect(app.registry.reindex()).rejects.toThrow(/hashIds/);
    });

    it('names a session by one hash in all of its events', async () => {
      await start({ hashIds: true });
      const jar = await app.loggedIn('ann');
      await app.registry.revoke((await app.me(jar)).handle);
      await app.get(jar, 'none');
      expect(app.events.map(({ type }) => type)).toEqual(['created', 'logged-in', 'revoked', 'loaded-invalid']);
      expect(new Set(app.events.map(({ session }) => session)).size).toBe(1);
    });
  });

  describe('encryption', () => {
    it('shows neither data nor user nor device to who reads the store, and all else works', async () => {
      await start({ encryption: { key: KEYS.first } });
      const jar = await app.loggedIn('ann@example.org', { user: { name: 'Ann Example' }, cart: ['secret card'] });
      const phone = await app.loggedIn('ann@example.org');
      await app.post(jar, 'renew');
      await app.registry.revokeAll('nobody@example.org');
      const dump = await place.rawDump();
      for (const text of [
        'ann@example.org',
        'Ann Example',
        'secret card',
        '127.0.0.1',
        'nobody',
        createHash('sha256').update('nobody@example.org').digest('base64url'),
      ]) {
        expect(dump).not.toContain(text);
      }
      expect(await app.me(jar)).toMatchObject({ principal: 'ann@example.org', data: { cart: ['secret card'] } });
      expect(await list('ann@example.org')).toHaveLength(2);
      expect(await app.registry.revokeAll('ann@example.org', { except: (await app.me(jar)).handle })).toBe(1);
      expect([await isIn(jar), await isIn(phone)]).toEqual([true, false]);
    });

    it('reads what an older key wrote, and lists it, after a rotation', async () => {
      await start({ encryption: { key: KEYS.first } });
      const jar = await app.loggedIn('ann');
      const dead = await app.loggedIn('bob');
      await redeploy({ encryption: { key: [KEYS.second, KEYS.first] } });
      const fresh = await app.loggedIn('ann');
      expect([await isIn(jar), await isIn(fresh)]).toEqual([true, true]);
      expect(await list('ann')).toHaveLength(2);
      await app.registry.revokeAll('bob');
      expect(await isIn(dead)).toBe(false);
      await app.post(jar, 'set', { cart: [1] });
      await redeploy({ encryption: { key: KEYS.second } });
      expect([await isIn(jar), await isIn(fresh)]).toEqual([true, true]);
      // Once the last key that can read it is gone, a record is a missing session, and stays as it is.
      const id = idIn(jar);
      await redeploy({ encryption: { key: KEYS.first } });
      expect(await isIn(jar)).toBe(false);
      expect(app.happened()).toContain('loaded-invalid');
      expect(await place.rawRead(id)).toBeDefined();
    });

    it('refuses records that were tampered with, or put in the place of others', async () => {
      await start({ encryption: { key: KEYS.first } });
      const [ann, eve] = [await app.loggedIn('ann'), await app.loggedIn('eve')];
      const text = (await place.rawRead(idIn(ann)))!;
      const mine = (await place.rawRead(idIn(eve)))!;
      const sealed = /"z":"([\w-]+)"/.exec(text)![1]!;
      const changed = sealed.slice(0, 40) + (sealed[40] === 'A' ? 'B' : 'A') + sealed.slice(41);
      await place.rawWrite(idIn(ann), text.replace(sealed, changed));
      expect(await isIn(ann)).toBe(false);
      // Eve, who can write to the store, puts Ann's record under her own id.
      await place.rawWrite(idIn(eve), text);
      expect(await isIn(eve)).toBe(false);
      await place.rawWrite(idIn(eve), mine);
      expect(await isIn(eve)).toBe(true);
      // What stands outside plays no part.
      await place.rawWrite(
        idIn(eve),
        mine.replace(/"p":"[^"]+"/, '"p":"ann"').replace(/"e":\d+/, `"e":${clock.time + 10 * 86_400_000}`),
      );
      expect((await app.me(eve)).principal).toBe('eve');
      // A plain record is none, whoever wrote it.
      const plain = JSON.parse(mine) as { cookie: unknown; __keycard: object };
      await place.rawWrite(idIn(eve), JSON.stringify({ cookie: plain.cookie, user: { id: 'ann' } }));
      expect(await isIn(eve)).toBe(false);
      expect(app.events.filter(({ reason }) => reason === 'unreadable').length).toBeGreaterThanOrEqual(3);
    });

    it('holds the end that is inside, whatever the store says', async () => {
      await start({ encryption: { key: KEYS.first }, idleTimeout: '30m' });
      const jar = await app.loggedIn('ann');
      const id = idIn(jar);
      const { text, revision } = (await place.store.load(id))!;
      await place.store.replace(id, { text, expiresAt: clock.time + 10 * 86_400_000 }, revision);
      clock.advance(31 * 60_000);
      expect(await isIn(jar)).toBe(false);
    });

    it('with readPlain, accepts records from before encryption, and lists them', async () => {
      await start({});
      const [jar, phone] = [await app.loggedIn('ann'), await app.loggedIn('ann')];
      await redeploy({ encryption: { key: KEYS.first } });
      expect(await isIn(jar)).toBe(false);
      await redeploy({ encryption: { key: KEYS.first, readPlain: true } });
      expect(await isIn(jar)).toBe(true);
      await app.post(jar, 'set', { cart: ['secret card'] });
      expect(await place.rawRead(idIn(jar))).not.toContain('secret card');
      expect(await list('ann')).toHaveLength(2);
      expect(await app.registry.revokeAll('ann')).toBe(2);
      expect([await isIn(jar), await isIn(phone)]).toEqual([false, false]);
    });
  });

  describe('bindTo', () => {
    const from = (jar: Jar, userAgent: string) => app.get(jar, 'home', { 'user-agent': userAgent });
    const login = async () => {
      const jar = new Jar();
      await jar.fetch(`${app.url}/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'user-agent': 'Phone' },
        body: '{"id":"ann"}',
      });
      app.happened();
      return jar;
    };

    it('tells of a cookie that comes from another browser, and lets it in', async () => {
      await start({ bindTo: ['userAgent'] });
      const jar = await login();
      expect((await from(jar, 'Phone')).status).toBe(200);
      expect(app.happened()).toEqual([]);
      expect((await from(jar, 'Thief')).status).toBe(200);
      expect(app.happened()).toEqual(['mismatch']);
    });

    it("ends the session of a cookie that comes from another browser, with onMismatch: 'destroy'", async () => {
      await start({ bindTo: ['userAgent'], onMismatch: 'destroy' });
      const jar = await login();
      expect((await from(jar, 'Phone')).status).toBe(200);
      expect((await from(copyOf(jar), 'Thief')).status).toBe(401);
      expect(app.happened()).toEqual(['mismatch', 'destroyed']);
      expect((await from(jar, 'Phone')).status).toBe(401);
      expect(await place.rawRead(idIn(jar))).toBeUndefined();
    });
  });
});
