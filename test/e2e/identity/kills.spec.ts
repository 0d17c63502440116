import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionManager } from '../../../lib/session-manager.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { SessionRegistry } from '../../../lib/nest/session.registry.js';
import { Jar } from '../../support/app.js';
import { type CompiledLib, compileLib } from '../../support/compile-lib.js';
import { EngineFleet } from '../../support/engine-fleet.js';
import { describeEachStore, type StorePlace } from '../../support/five-stores.js';

const KILLS = 8;
const USERS = 6;
const CAP = 3;

let lib: CompiledLib;
beforeAll(async () => {
  lib = await compileLib();
});
afterAll(() => lib.remove());

// Memory has no second process.
describeEachStore(
  (each) => {
    describe('processes that are killed while they log users in', () => {
      let place: StorePlace;
      beforeEach(async () => {
        place = await each.open();
      });
      afterEach(() => place.close());

      it('leave sessions that nobody has a cookie for in no list, and lock nobody out (#11)', async () => {
        const options = { maxSessionsPerPrincipal: CAP, onTooMany: 'reject' } as const;
        const jars = new Map<string, Jar[]>();
        for (let kill = 0; kill < KILLS; kill += 1) {
          const fleet = await EngineFleet.start(1, lib, place, { ...options, storeTimeout: '20s' });
          const visits: Promise<unknown>[] = [];
          let answered = 0;
          let enough!: () => void;
          const enoughAnswered = new Promise<void>((resolve) => (enough = resolve));
          const note = (): void => {
            answered += 1;
            if (answered > 2 * kill) enough();
          };
          for (let user = 0; user < USERS; user += 1) {
            const id = `user ${kill} ${user}`;
            jars.set(
              id,
              Array.from({ length: CAP }, () => new Jar()),
            );
            for (const jar of jars.get(id)!)
              visits.push(fleet.ask(0, jar, 'login', { id }).then(note, () => undefined));
          }
          // Each time at another moment.
          await enoughAnswered;
          await fleet.close();
          await Promise.all(visits);
        }
        // Half a minute later, in a process that lives.
        const manager = new SessionManager(
          resolveOptions({
            ...options,
            secret: 'a secret of at least thirty-two bytes',
            logger: { warn: () => undefined, error: () => undefined },
            clock: { now: () => Date.now() + 31_000 },
          }),
          place.store,
        );
        const registry = new SessionRegistry(manager);
        const counts = { logins: 0, listed: 0, ghosts: 0 };
        for (const [principal, all] of jars) {
          const answered = all.filter((jar) => jar.cookies.size > 0).length;
          const { sessions } = await registry.list({ principal });
          counts.logins += answered;
          counts.listed += sessions.length;
          counts.ghosts += Math.max(0, sessions.length - answered);
          expect(sessions.length).toBeGreaterThanOrEqual(answered);
          if (sessions.length >= CAP) continue;
          await expect(manager.admissions.beforeLogin(principal, '')).resolves.toBeDefined();
        }
        if (process.env['KEYCARD_SHOW'] !== undefined) process.stderr.write(`${each.name} ${JSON.stringify(counts)}\n`);
        // The exception is a process that dies between the last write of a login and its first byte. Of 144 logins that was 0 to 20 on a
        // busy machine; it was 18 to 65 before.
        expect(counts.ghosts).toBeLessThanOrEqual(36);
      }, 120_000);
    });
  },
  ['memory'],
);
