import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type SessionModuleOptions } from 'nestjs-keycard';
import { Jar } from '../../support/app.js';
import { BarrierStore } from '../../support/barrier-store.js';
import { type StorePlace } from '../../support/five-stores.js';
import { type AnySession, copyOf, idIn, LoginApp, ManualClock } from '../../support/login-app.js';
import { until } from '../../support/until.js';
import { describeEachStoreOnBoth as describeEachStore } from '../../support/stores-on-both.js';

const HOUR = 3_600_000;
const noop = () => Promise.resolve();

describeEachStore((each) => {
  describe('admission among the sessions of a user', () => {
    let clock: ManualClock;
    let place: StorePlace;
    let apps: LoginApp[];
    beforeEach(async () => {
      clock = new ManualClock();
      place = await each.open({ clock });
      apps = [];
    });
    afterEach(async () => {
      await Promise.all(apps.map((app) => app.close()));
      await place.close();
    });

    /** One process. All share the place. */
    const start = async (options: Partial<SessionModuleOptions> = {}, store = place.store): Promise<LoginApp> => {
      const app = await LoginApp.start({ ...place, store, close: noop }, { clock, touchInterval: '1m', ...options });
      apps.push(app);
      return app;
    };
    const isIn = async (app: LoginApp, jar: Jar): Promise<boolean> => (await app.get(jar, 'home')).status === 200;
    const handles = async (app: LoginApp): Promise<string[]> =>
      (await app.registry.list({ principal: 'ann' })).sessions.map(({ handle }) => handle);

    it.each([false, true])(
      'forgets a login whose process died (the session was written: %s) (#11)',
      async (wasWritten) => {
        const capped = { maxSessionsPerPrincipal: 1, onTooMany: 'reject' } as const;
        const store = new BarrierStore(place.store);
        const [dying, living] = [await start({ ...capped, storeTimeout: '1h' }, store), await start(capped)];
        // The first record is the user's own, the second is the session.
        const first = store.stop('create', true);
        const dead = new Jar();
        const never = dying.post(dead, 'login', { id: 'ann' });
        await first.reached;
        const second = store.stop('create', wasWritten);
        first.release();
        await second.reached;
        // It is under way: it holds the only place, and no list shows it.
        expect((await living.post(new Jar(), 'login', { id: 'ann' })).status).toBe(409);
        expect(await handles(living)).toEqual([]);
        clock.advance(31_000);
        const jar = new Jar();
        expect((await living.post(jar, 'login', { id: 'ann' })).status).toBe(200);
        expect(await handles(living)).toHaveLength(1);
        // Had the process only slept, its login would be refused now.
        second.release();
        expect((await never).status).toBe(409);
        expect(dead.cookies.size).toBe(0);
        expect(await isIn(living, jar)).toBe(true);
        expect(await living.registry.count({ principal: 'ann' })).toBe(1);
      },
    );

    it('frees the place at once when a login fails (#11)', async () => {
      const capped = { maxSessionsPerPrincipal: 1, onTooMany: 'reject' } as const;
      const app = await start(capped);
      const jar = await app.loggedIn('ann');
      await app.post(jar, 'logout');
      const again = await app.loggedIn('ann');
      expect((await app.post(new Jar(), 'login', { id: 'ann' })).status).toBe(409);
      await app.registry.revokeAll('ann');
      expect(await isIn(app, again)).toBe(false);
      expect(await isIn(app, await app.loggedIn('ann'))).toBe(true);
    });

    it('evicts the oldest login, whatever the clocks of the processes say (#11)', async () => {
      const capped = { maxSessionsPerPrincipal: 2, onTooMany: 'evict-oldest' } as const;
      const ahead = await start({ ...capped, clock: new ManualClock(clock.time + HOUR) });
      const app = await start(capped);
      const oldest = await ahead.loggedIn('ann');
      const second = await app.loggedIn('ann');
      const third = await app.loggedIn('ann');
      expect(await Promise.all([oldest, second, third].map((jar) => isIn(app, jar)))).toEqual([false, true, true]);
    });

    it('leaves a refused visitor cart and cookie, and writes nothing (#11)', async () => {
      const app = await start({ maxSessionsPerPrincipal: 1, onTooMany: 'reject' });
      const first = await app.loggedIn('ann');
      const visitor = new Jar();
      await app.post(visitor, 'set', { cart: [1] });
      const cookie = visitor.cookies.get('sid');
      expect((await app.post(visitor, 'login', { id: 'ann' })).status).toBe(409);
      expect(visitor.cookies.get('sid')).toBe(cookie);
      expect((await app.me(visitor)).data).toEqual({ cart: [1] });
      // The same for `session.user = …`, which is refused when it is saved.
      expect((await app.post(visitor, 'set', { user: { id: 'ann' } })).status).toBe(409);
      expect((await app.me(visitor)).data).toEqual({ cart: [1] });
      expect(await isIn(app, first)).toBe(true);
    });

    it("ends a session at logout, even if it is expired by this process's clock (#11)", async () => {
      const ahead = await start({ clock: new ManualClock(clock.time + 48 * HOUR) });
      const app = await start();
      const jar = await app.loggedIn('ann');
      expect((await ahead.post(jar, 'logout')).status).toBe(200);
      expect(jar.cookies.size).toBe(0);
      expect(await handles(app)).toEqual([]);
    });

    it('revokes sessions that this process takes to be over by its clock (#11)', async () => {
      const ahead = await start({ clock: new ManualClock(clock.time + 48 * HOUR) });
      const app = await start();
      const jars = [await app.loggedIn('ann'), await app.loggedIn('ann'), await app.loggedIn('ann')];
      const { handle } = await app.me(jars[0]!);
      expect(await ahead.registry.revoke(handle)).toBe(true);
      expect(await isIn(app, jars[0]!)).toBe(false);
      expect(await ahead.registry.revokeAll('ann')).toBe(2);
      expect(await Promise.all(jars.map((jar) => isIn(app, jar)))).toEqual([false, false, false]);
    });

    it.each([false, true])(
      'leaves nothing of a login that was revoked while it was written, and told so (anonymous before: %s) (#11)',
      async (wasThere) => {
        const store = new BarrierStore(place.store);
        const [app, other] = [await start({}, store), await start()];
        const jar = new Jar();
        if (wasThere) await app.post(jar, 'set', { cart: [1] });
        const written = store.stop('create', true);
        const login = app.post(jar, 'login', { id: 'ann', data: { role: 'admin' }, save: true });
        await written.reached;
        expect(await other.registry.revoke((await handles(other))[0]!, { principal: 'ann' })).toBe(true);
        written.release();
        expect((await login).ok).toBe(false);
        expect(await handles(app)).toEqual([]);
        expect(await isIn(app, jar)).toBe(false);
        expect((await app.me(jar)).data).toEqual(wasThere ? { cart: [1] } : {});
      },
    );

    it('answers 409 to a login that was revoked while a save wrote it that nobody waited for (#11)', async () => {
      const store = new BarrierStore(place.store);
      const [app, other] = [await start({}, store), await start()];
      const written = store.stop('create', true);
      const login = app.post(new Jar(), 'login', { id: 'ann', save: 'aside' });
      await written.reached;
      await other.registry.revoke((await handles(other))[0]!, { principal: 'ann' });
      written.release();
      expect((await login).status).toBe(409);
      expect(await handles(app)).toEqual([]);
    });

    it('holds a login by data alone against a revokeAll() that came while it waited, whatever the clocks say (#11)', async () => {
      const store = new BarrierStore(place.store);
      const capped = { maxSessionsPerPrincipal: 2 } as const;
      const app = await start(capped, store);
      const behind = await start({ ...capped, clock: new ManualClock(clock.time - 1_000) });
      const read = store.stop('load', true);
      const login = app.post(new Jar(), 'set', { user: { id: 'ann' } });
      await read.reached;
      await behind.registry.revokeAll('ann');
      read.release();
      expect((await login).status).toBe(409);
      expect(await handles(app)).toEqual([]);
    });

    it("ends and revokes sessions that the store, too, takes to be over by this process's clock (#11)", async () => {
      const app = await start();
      const jars = [await app.loggedIn('ann'), await app.loggedIn('ann'), await app.loggedIn('ann')];
      const { handle } = await app.me(jars[0]!);
      clock.advance(48 * HOUR);
      await app.registry.revoke(handle, { principal: 'ann' });
      expect((await app.post(copyOf(jars[1]!), 'logout')).status).toBe(200);
      clock.advance(-48 * HOUR);
      expect(await Promise.all(jars.map((jar) => isIn(app, jar)))).toEqual([false, false, true]);
      clock.advance(48 * HOUR);
      await app.registry.revokeAll('ann');
      clock.advance(-48 * HOUR);
      expect(await isIn(app, jars[2]!)).toBe(false);
    });

    it('logs out also after a write that found no record, which a clock that is ahead had hidden (#11)', async () => {
      const app = await start();
      const jar = await app.loggedIn('ann');
      const session = (await app.registry.open(idIn(jar))) as AnySession;
      clock.advance(48 * HOUR);
      // Redis goes by its own clock, and takes it.
      const written = await session.update((draft) => void (draft['note'] = 1)).catch((error: Error) => error.message);
      expect([undefined, expect.stringContaining('has ended')]).toContainEqual(written);
      await session.logout();
      clock.advance(-48 * HOUR);
      expect(await isIn(app, jar)).toBe(false);
    });

    it('logs out if a store of your own returns no record that is expired by this process’s clock (#11)', async () => {
      class BlindStore extends BarrierStore {
        override load(id: string) {
          return super.load(id);
        }
      }
      const app = await start({}, new BlindStore(place.store));
      const jar = await app.loggedIn('ann');
      clock.advance(48 * HOUR);
      expect((await app.post(copyOf(jar), 'logout')).status).toBe(200);
      clock.advance(-48 * HOUR);
      expect(await isIn(app, jar)).toBe(false);
    });

    it('makes an id change whose swap got no answer at the second try (#11)', async () => {
      const store = new BarrierStore(place.store);
      const app = await start({ storeTimeout: 200 }, store);
      const jar = await app.loggedIn('ann');
      const late = store.stop('replace', false);
      const answer = app.post(jar, 'confirm');
      await late.reached;
      expect((await answer).status).toBe(200);
      late.release();
      expect(await isIn(app, jar)).toBe(true);
    });

    it.each(['confirm', 'renew', 'login'])(
      'leaves the session to who was told that its id change (%s) failed (#11)',
      async (change) => {
        const store = new BarrierStore(place.store);
        const app = await start({ storeTimeout: 200 }, store);
        const jar = await app.loggedIn('ann');
        const first = store.stop('replace', false);
        const answer = app.post(jar, change, { id: 'ann' });
        await first.reached;
        const second = store.stop('replace', false);
        await second.reached;
        first.release();
        expect((await answer).status).toBe(503);
        for (let waited = 0; !(await isIn(app, jar)); waited += 1) {
          if (waited > 50) throw new Error('The session is gone.');
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        second.release();
        expect(await isIn(app, jar)).toBe(true);
        expect(await handles(app)).toHaveLength(1);
      },
    );

    it.each([
      ['renew', 'logout'],
      ['confirm', 'logout'],
      ['confirm', 'password'],
    ])(
      'counts no session whose process died in an id change (%s) beside another request (%s) (#11)',
      async (change, end) => {
        const capped = { maxSessionsPerPrincipal: 1, onTooMany: 'reject' } as const;
        const store = new BarrierStore(place.store);
        const [dying, living] = [await start({ ...capped, storeTimeout: '1h' }, store), await start(capped)];
        const jar = await living.loggedIn('ann');
        // The new record is written, and the old one not yet replaced.
        const written = store.stop('create', true);
        const never = dying.post(copyOf(jar), change);
        await written.reached;
        expect(await handles(living)).toHaveLength(1);
        await living.post(jar, end);
        const left = end === 'logout' ? 0 : 1;
        expect(await handles(living)).toHaveLength(left);
        expect((await living.post(new Jar(), 'login', { id: 'ann' })).status).toBe(left === 0 ? 200 : 409);
        // Had the process only slept, it would take the record away now.
        written.release();
        await never;
        expect(await handles(living)).toHaveLength(1);
      },
    );

    it('counts a session whose id was changed, also if its process died right after it (#11)', async () => {
      const capped = { maxSessionsPerPrincipal: 1, onTooMany: 'reject' } as const;
      const store = new BarrierStore(place.store);
      const [dying, living] = [await start({ ...capped, storeTimeout: '1h' }, store), await start(capped)];
      const jar = await living.loggedIn('ann');
      const replacing = store.stop('replace', true);
      const answer = dying.post(jar, 'confirm');
      await replacing.reached;
      const last = store.stop('replace', false);
      replacing.release();
      expect((await answer).status).toBe(200);
      await last.reached;
      expect(await handles(living)).toHaveLength(1);
      clock.advance(60_000);
      expect(await handles(living)).toHaveLength(1);
      expect((await living.post(new Jar(), 'login', { id: 'ann' })).status).toBe(409);
      // Its browser comes back.
      expect(await isIn(living, jar)).toBe(true);
      clock.advance(11 * 60_000);
      expect(await handles(living)).toHaveLength(1);
      expect((await living.post(new Jar(), 'login', { id: 'ann' })).status).toBe(409);
      last.release();
    });

    it('takes no login for failed that is under way in a process whose clock is behind (#11)', async () => {
      const capped = { maxSessionsPerPrincipal: 3 } as const;
      // Less than the time for which a failed login is remembered.
      const ahead = new ManualClock(clock.now() + 300_000);
      const stores = [new BarrierStore(place.store), new BarrierStore(place.store)] as const;
      const [app, other] = [
        await start({ ...capped, storeTimeout: '1h' }, stores[0]),
        await start({ ...capped, clock: ahead }, stores[1]),
      ];
      const written = stores[0].stop('create', true);
      const jar = new Jar();
      const first = app.post(jar, 'login', { id: 'ann' });
      await written.reached;
      written.release();
      const session = stores[0].stop('create', true);
      await session.reached;
      // The other takes it for a login that was never done. Only after it has said so in the user's record, it ends the session.
      const ending = stores[1].stop('destroy', false);
      const second = other.post(new Jar(), 'login', { id: 'ann' });
      await ending.reached;
      session.release();
      expect((await first).status).toBe(409);
      ending.release();
      expect((await second).status).toBe(200);
      expect(await isIn(app, jar)).toBe(false);
      expect(await handles(app)).toHaveLength(1);
    });

    /** An id change whose swap was done, and whose answers got lost. `restoring`: what comes next is held too. */
    const withoutAnswer = async (store: BarrierStore, request: () => Promise<Response>) => {
      const first = store.stop('replace', true);
      const answer = request();
      await first.reached;
      const second = store.stop('replace', true);
      await second.reached;
      const restoring = store.stop('replace', false);
      expect((await answer).status).toBe(503);
      await restoring.reached;
      const release = (): void => [first, second, restoring].forEach((each) => each.release());
      return release;
    };

    it('leads a browser to its session long after a renewal, if it did not get the answer (#11)', async () => {
      const store = new BarrierStore(place.store);
      const app = await start({ storeTimeout: 200 }, store);
      const jar = await app.loggedIn('ann');
      const id = idIn(jar);
      const release = await withoutAnswer(store, () => app.post(jar, 'renew'));
      const restored = store.stop('replace', true);
      release();
      await restored.reached;
      restored.release();
      clock.advance(600_000);
      expect(idIn(jar)).toBe(id);
      expect(await isIn(app, jar)).toBe(true);
      expect(idIn(jar)).not.toBe(id);
      expect(await handles(app)).toHaveLength(1);
    });

    it('holds the limit if a session is restored after a login has taken its place (#11)', async () => {
      const capped = { maxSessionsPerPrincipal: 1 } as const;
      const store = new BarrierStore(place.store);
      const [app, other] = [await start({ ...capped, storeTimeout: 200 }, store), await start(capped)];
      const [jar, newer] = [await app.loggedIn('ann'), new Jar()];
      const release = await withoutAnswer(store, () => app.post(jar, 'confirm'));
      const restored = store.stop('replace', true);
      expect((await other.post(newer, 'login', { id: 'ann' })).status).toBe(200);
      release();
      await restored.reached;
      expect(await handles(other)).toHaveLength(2);
      restored.release();
      await until(async () => (await handles(other)).length === 1);
      expect([await isIn(other, jar), await isIn(other, newer)]).toEqual([false, true]);
    });

    it('evicts no login for the session that it has replaced meanwhile (#11)', async () => {
      const capped = { maxSessionsPerPrincipal: 2 } as const;
      const [one, two] = [new BarrierStore(place.store), new BarrierStore(place.store)];
      const [app, other] = [await start(capped, one), await start(capped, two)];
      const [again, newer] = [await app.loggedIn('ann'), new Jar()];
      const written = one.stop('create', true);
      const first = app.post(again, 'passport', { id: 'ann' });
      await written.reached;
      const evicts = two.stop('destroy', false);
      const second = other.post(newer, 'login', { id: 'ann' });
      await evicts.reached;
      written.release();
      expect((await first).status).toBe(200);
      evicts.release();
      expect((await second).status).toBe(200);
      expect([await isIn(app, again), await isIn(app, newer)]).toEqual([true, true]);
      expect(await handles(app)).toHaveLength(2);
    });

    it.each([false, true])(
      'makes nobody logged in by data whose answer was 503 (the store had written it: %s) (#11)',
      async (wasWritten) => {
        const capped = { maxSessionsPerPrincipal: 1 } as const;
        const store = new BarrierStore(place.store);
        const [app, other] = [await start({ ...capped, storeTimeout: 200 }, store), await start(capped)];
        const [jar, newer] = [new Jar(), new Jar()];
        const late = store.stop('replace', wasWritten);
        const answer = app.post(jar, 'begin-and-name', { id: 'ann' });
        await late.reached;
        expect((await answer).status).toBe(503);
        await until(async () => (await handles(other)).length === 0);
        expect((await other.post(newer, 'login', { id: 'ann' })).status).toBe(200);
        const done = store.stop('replace', true);
        late.release();
        if (!wasWritten) await done.reached;
        done.release();
        expect(await handles(other)).toHaveLength(1);
        expect([await isIn(other, jar), await isIn(other, newer)]).toEqual([false, true]);
      },
    );

    it('ends a session that a failing login restores, if a request has renewed it beside a second login (#11)', async () => {
      const [failing, second] = [new BarrierStore(place.store), new BarrierStore(place.store)];
      const other = await start();
      const jar = await other.loggedIn('ann');
      const slow = await start({ storeTimeout: 200 }, failing);
      const patient = await start({ storeTimeout: '1h' }, second);
      const first = failing.stop('replace', false);
      const fails = slow.post(copyOf(jar), 'login', { id: 'ann' });
      await first.reached;
      const again = failing.stop('replace', false);
      await again.reached;
      const restores = failing.stop('replace', false);
      const tries = second.stop('create', false);
      const newer = copyOf(jar);
      const succeeds = patient.post(newer, 'login', { id: 'ann' });
      await tries.reached;
      first.release();
      expect((await fails).status).toBe(503);
      await restores.reached;
      // The old record leads nowhere now, so the second login goes on without it.
      const creates = second.stop('create', false);
      tries.release();
      await creates.reached;
      const restored = failing.stop('replace', true);
      restores.release();
      await restored.reached;
      restored.release();
      const renewed = copyOf(jar);
      expect((await other.post(renewed, 'renew')).status).toBe(200);
      creates.release();
      expect((await succeeds).status).toBe(200);
      again.release();
      expect(await handles(other)).toHaveLength(1);
      expect([await isIn(other, jar), await isIn(other, renewed), await isIn(other, newer)]).toEqual([
        false,
        false,
        true,
      ]);
    });

    it('puts back no session that a logout came to while its id change failed (#11)', async () => {
      const store = new BarrierStore(place.store);
      const [app, other] = [await start({ storeTimeout: 200 }, store), await start()];
      const jar = await app.loggedIn('ann');
      const first = store.stop('replace', false);
      const answer = app.post(copyOf(jar), 'confirm');
      await first.reached;
      const second = store.stop('replace', false);
      await second.reached;
      first.release();
      const third = store.stop('replace', false);
      expect((await answer).status).toBe(503);
      await third.reached;
      expect((await other.post(copyOf(jar), 'logout')).status).toBe(200);
      third.release();
      second.release();
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(await isIn(other, jar)).toBe(false);
      expect(await handles(other)).toEqual([]);
    });

    it('takes back a session whose store answered too late (#11)', async () => {
      const store = new BarrierStore(place.store);
      const app = await start({ storeTimeout: 100 }, store);
      const late = store.stop('create', false);
      const jar = new Jar();
      const answer = await app.post(jar, 'login', { id: 'ann' });
      expect(answer.status).toBe(503);
      expect(jar.cookies.size).toBe(0);
      late.release();
      for (let waited = 0; (await handles(app)).length > 0 || waited < 2; waited += 1) {
        if (waited > 50) throw new Error('The session is still there.');
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect((await app.post(jar, 'login', { id: 'ann' })).status).toBe(200);
      expect(await isIn(app, jar)).toBe(true);
    });

    it('counts no session that a process wrote after its principal was revoked, and died (#11)', async () => {
      const capped = { maxSessionsPerPrincipal: 1, onTooMany: 'reject' } as const;
      const store = new BarrierStore(place.store);
      const [dying, app] = [await start(capped, store), await start(capped)];
      const jar = await dying.loggedIn('ann');
      const created = store.stop('create', false);
      const never = dying.post(jar, 'confirm');
      await created.reached;
      await app.registry.revokeAll('ann');
      const death = store.stop('load', false);
      created.release();
      await death.reached;
      expect(await handles(app)).toEqual([]);
      expect((await app.post(new Jar(), 'login', { id: 'ann' })).status).toBe(200);
      death.release();
      expect((await never).status).toBe(409);
    });

    it('ends all sessions but one, as often as that is asked for, and not one that an earlier call has ended (#11)', async () => {
      const app = await start();
      const jar = await app.loggedIn('ann');
      const { handle } = await app.me(jar);
      for (let round = 0; round < 3; round += 1) {
        await app.registry.revokeAll('ann', { except: handle });
        clock.advance(61_000);
        expect(await isIn(app, jar)).toBe(true);
      }
      const id = idIn(jar);
      const text = (await place.rawRead(id))!;
      await app.registry.revokeAll('ann');
      // The index had lost it.
      await place.rawCreate(id, text);
      await app.registry.revokeAll('ann', { except: handle });
      clock.advance(61_000);
      expect(await isIn(app, jar)).toBe(false);
    });
  });
});
