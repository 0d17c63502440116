import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { SessionStore } from 'nestjs-keycard';
import { Jar } from '../../support/app.js';
import { describeEachStoreOnBoth as describeEachStore } from '../../support/stores-on-both.js';
import { copyOf, gate, idIn, LoginApp, ManualClock } from '../../support/login-app.js';
import { BarrierStore } from '../../support/barrier-store.js';

const MINUTE = 60_000;

describeEachStore((each) => {
  for (const hashIds of [false, true]) {
    describe(hashIds ? 'renewal of hashed ids' : 'renewal', () => {
      let app: LoginApp;
      let clock: ManualClock;
      let barrier: BarrierStore;
      let inner: SessionStore;
      beforeEach(async () => {
        clock = new ManualClock();
        const place = await each.open({ clock });
        inner = place.store;
        barrier = new BarrierStore(inner);
        app = await LoginApp.start(
          { ...place, store: barrier },
          { clock, renewAfter: '10m', renewGrace: '30s', hashIds, storeTimeout: '20s' },
        );
      });
      afterEach(() => app.close());

      const isIn = async (jar: Jar): Promise<boolean> => (await app.get(jar, 'home')).status === 200;
      const due = async (): Promise<Jar> => {
        const jar = await app.loggedIn('ann');
        await app.post(jar, 'set', { cart: [1] });
        clock.advance(11 * MINUTE);
        app.happened();
        return jar;
      };

      it('renews the id on time, without losing the session', async () => {
        const jar = await app.loggedIn('ann');
        const { handle } = await app.me(jar);
        const ids = new Set([idIn(jar)]);
        for (let n = 0; n < 4; n += 1) {
          clock.advance(6 * MINUTE);
          expect(await app.me(jar)).toMatchObject({ principal: 'ann', handle });
          ids.add(idIn(jar));
        }
        expect(ids.size).toBe(3);
        expect(app.happened().filter((type) => type === 'renewed')).toHaveLength(2);
      });

      it('serves a burst of 20 requests with the old id, and makes exactly one new id', async () => {
        const old = await due();
        const jars = Array.from({ length: 20 }, () => copyOf(old));
        const door = gate.close('slow');
        const burst = jars.map((jar) => app.get(jar, 'slow'));
        await door.arrived;
        door.open();
        const replies = await Promise.all(burst);
        expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
        expect(await Promise.all(replies.map((reply) => reply.json()))).toEqual(
          Array.from({ length: 20 }, () => ({ principal: 'ann' })),
        );
        const ids = new Set(jars.map((jar) => idIn(jar)));
        ids.delete(idIn(old));
        expect(ids.size).toBe(1);
        expect(app.happened().filter((type) => type === 'renewed')).toHaveLength(1);
        expect((await app.registry.list({ principal: 'ann' })).sessions).toHaveLength(1);
        expect(await app.registry.count()).toBe(1);
        // The others' records are gone: what remains is the new one and the mark in the old one's place.
        let records = 0;
        for await (const _ of app.place.store.list!()) records += 1;
        expect(records).toBe(2);
      });

      it('finds the session by the old id for the grace, and nothing after it', async () => {
        const jar = await due();
        const old = copyOf(jar);
        await app.get(jar, 'none');
        expect(idIn(jar)).not.toBe(idIn(old));
        const within = copyOf(old);
        clock.advance(29_000);
        expect(await app.me(within)).toMatchObject({ principal: 'ann', data: { cart: [1] } });
        expect(idIn(within)).toBe(idIn(jar));
        clock.advance(2_000);
        expect(await isIn(copyOf(old))).toBe(false);
        expect((await app.me(old)).data).toEqual({});
        expect(await isIn(jar)).toBe(true);
      });

      it('takes changes that come with the old id', async () => {
        const jar = await due();
        const old = copyOf(jar);
        await app.get(jar, 'none');
        await app.post(old, 'set', { late: true });
        expect((await app.me(jar)).data).toMatchObject({ cart: [1], late: true });
      });

      it('gives the old id of a login no way forward', async () => {
        const jar = new Jar();
        await app.post(jar, 'set', { cart: [1] });
        const old = copyOf(jar);
        await app.post(jar, 'login', { id: 'ann' });
        expect((await app.me(old)).data).toEqual({});
        expect(await isIn(old)).toBe(false);
        expect(await app.place.rawDump()).not.toContain('"w":"');
      });

      it('ends the new session when somebody logs out with the old id', async () => {
        const jar = await due();
        const old = copyOf(jar);
        await app.get(jar, 'none');
        await app.post(old, 'logout');
        expect(await isIn(jar)).toBe(false);
        expect((await app.registry.list({ principal: 'ann' })).sessions).toEqual([]);
      });

      it('ends the new session when a logout read the old one, and the renewal came in between', async () => {
        const jar = await due();
        const door = gate.close('logout');
        const logout = app.post(copyOf(jar), 'logout');
        await door.arrived;
        await app.get(jar, 'none');
        door.open();
        await logout;
        expect(await isIn(jar)).toBe(false);
        expect((await app.registry.list({ principal: 'ann' })).sessions).toEqual([]);
      });

      for (const [how, revoke] of [
        ['revoke()', (handle) => app.registry.revoke(handle, { principal: 'ann' })],
        ['revoke() without a name', (handle) => app.registry.revoke(handle)],
        ['revokeAll()', () => app.registry.revokeAll('ann')],
      ] as [string, (handle: string) => Promise<unknown>][]) {
        for (const [when, method, after] of [
          ['before the new record is made', 'create', false],
          ['after the new record is made', 'create', true],
          ['before the old one is retired', 'replace', false],
          ['after the old one is retired', 'replace', true],
        ] as const) {
          it(`leaves nothing alive after ${how} in the middle of a renewal: ${when}`, async () => {
            const jar = await due();
            const { handle } = (await app.registry.list({ principal: 'ann' })).sessions[0]!;
            const stop = barrier.stop(method, after);
            const renewal = app.get(jar, 'none');
            await stop.reached;
            await revoke(handle);
            stop.release();
            await renewal;
            expect(await isIn(jar)).toBe(false);
            expect((await app.registry.list({ principal: 'ann' })).sessions).toEqual([]);
            clock.advance(MINUTE);
            expect(await app.registry.count()).toBe(0);
          });
        }

        it(`leaves nothing alive after ${how} whose list was begun before the renewal and read after it`, async () => {
          const jar = await due();
          const { handle } = (await app.registry.list({ principal: 'ann' })).sessions[0]!;
          const stop = barrier.stop('list', true);
          const revoking = revoke(handle);
          await stop.reached;
          await app.get(jar, 'none');
          stop.release();
          await revoking;
          expect(await isIn(jar)).toBe(false);
          expect((await app.registry.list({ principal: 'ann' })).sessions).toEqual([]);
        });
      }

      it('leaves a retired record that a peer can read', async () => {
        const jar = await due();
        const id = idIn(jar);
        await app.get(jar, 'none');
        if (hashIds) return; // There is no way back to a peer.
        const record = JSON.parse((await app.place.rawRead(id))!) as {
          cookie: { originalMaxAge: number; expires: string };
        };
        expect(record.cookie.originalMaxAge).toBe(30_000);
        expect(Date.parse(record.cookie.expires)).toBe(clock.time + 30_000);
        expect(
          Object.keys(record).filter((key) => !['cookie', '__keycard', '__keycardFile', '__lastAccess'].includes(key)),
        ).toEqual([]);
        expect(JSON.stringify(record)).not.toContain(idIn(jar));
      });

      it('writes a confirmed login although another request renews the id meanwhile', async () => {
        const jar = await due();
        const stop = barrier.stop('create', false);
        const confirming = app.post(jar, 'confirm');
        await stop.reached;
        // Another process: within one, writes of a session wait for each other.
        const second = await LoginApp.start(
          { ...app.place, store: inner, close: async () => undefined },
          { clock, renewAfter: '10m', hashIds },
        );
        const other = copyOf(jar);
        await second.get(other, 'none');
        expect(second.happened()).toEqual(['renewed']);
        stop.release();
        expect((await confirming).status).toBe(200);
        expect((await app.post(jar, 'danger')).status).toBe(200);
        expect((await app.registry.list({ principal: 'ann' })).sessions).toHaveLength(1);
        expect(await isIn(other)).toBe(false);
        await second.test.close();
      });
    });
  }
});
