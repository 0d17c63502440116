import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Jar } from '../../support/app.js';
import { type CompiledLib, compileLib } from '../../support/compile-lib.js';
import { EngineFleet } from '../../support/engine-fleet.js';
import { describeEachStore, type StorePlace } from '../../support/five-stores.js';
import { copyOf, idIn } from '../../support/login-app.js';

const PROCESSES = 4;

let lib: CompiledLib;
beforeAll(async () => {
  lib = await compileLib();
});
afterAll(() => lib.remove());

describeEachStore((each) => {
  describe('one session in four processes', () => {
    let place: StorePlace;
    let fleet: EngineFleet;
    beforeEach(async () => {
      place = await each.open();
      // A grace that no busy machine outlives: what remains is counted.
      fleet = await EngineFleet.start(PROCESSES, lib, place, { storeTimeout: '20s', renewGrace: '10m' });
    });
    afterEach(async () => {
      await fleet.close();
      await place.close();
    });

    /** So many requests, `width` of them at a time. */
    const inParallel = async (times: number, width: number, request: (n: number) => Promise<void>): Promise<void> => {
      let next = 0;
      const worker = async (): Promise<void> => {
        while (next < times) await request((next += 1) - 1);
      };
      await Promise.all(Array.from({ length: width }, worker));
    };
    const begun = async (): Promise<Jar> => {
      const jar = new Jar();
      await fleet.json(0, jar, 'set', { data: { begun: true } });
      return jar;
    };

    it('loses none of 2,000 concurrent changes of different keys', async () => {
      const jar = await begun();
      await inParallel(2_000, PROCESSES, (n) => fleet.json(n, jar, 'set', { data: { [`k${n}`]: n } }));
      const { data } = await fleet.json<{ data: Record<string, unknown> }>(1, jar, 'read');
      expect(Object.keys(data)).toHaveLength(2_001);
      expect(Object.keys(data).filter((key) => key !== 'begun' && data[key] !== Number(key.slice(1)))).toEqual([]);
      // They met: without that the count would prove nothing.
      expect((await fleet.counters()).conflicts).toBeGreaterThan(20);
    }, 300_000);

    it('counts 1,000 concurrent increments by update() as exactly 1,000', async () => {
      const jar = await begun();
      await inParallel(1_000, 2 * PROCESSES, (n) => fleet.json(n, jar, 'increment', { key: 'views' }));
      expect(await fleet.json(2, jar, 'read')).toMatchObject({ data: { views: 1_000 } });
      expect((await fleet.counters()).conflicts).toBeGreaterThan(20);
    }, 300_000);

    for (const renewed of [false, true]) {
      it(`keeps ended what 200 logouts ended while a request was at work${renewed ? ' and another renewed the id' : ''}`, async () => {
        const outcomes: string[] = [];
        await inParallel(200, 8, async (n) => {
          const jar = new Jar();
          await fleet.json(n, jar, 'login', { id: `user-${n}` });
          const [late, leaver] = [copyOf(jar), copyOf(jar)];
          const change = fleet.ask(n, late, 'set', { data: { late: true }, at: `door-${n}` });
          await fleet.json(n, new Jar(), 'reached', { at: `door-${n}` });
          if (renewed) await fleet.json(n + 2, jar, 'renew');
          await fleet.json(n + 1, leaver, 'logout');
          await fleet.json(n, new Jar(), 'open', { at: `door-${n}` });
          const { status } = await change;
          const after = await Promise.all(
            [jar, late].map((one) => fleet.json<{ principal: unknown; data: object }>(n + 3, one, 'read')),
          );
          outcomes.push(JSON.stringify([status, after, late.last]));
          if (renewed) expect(idIn(jar)).not.toBe(idIn(late));
        });
        const nobody = { data: {}, principal: null };
        expect(new Set(outcomes)).toEqual(new Set([JSON.stringify([200, [nobody, nobody], []])]));
        expect((await fleet.counters()).gone).toBe(200);
        expect(await place.store.count!()).toBe(renewed ? 200 : 0); // renewed: the marks in the place of the old ids, for their grace
      }, 300_000);
    }
  });
});
