import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionRegistry } from 'nestjs-keycard';
import { recordText } from '../../../lib/record/record-text.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { SessionManager } from '../../../lib/session-manager.js';
import { newHandle, newNonce, newSessionId } from '../../../lib/common/session-id.js';
import { SECRET } from '../../support/app.js';
import { BarrierStore } from '../../support/barrier-store.js';
import { describeEachStore, type StorePlace } from '../../support/five-stores.js';

const USERS = 1_000;
const EACH = 10;

describeEachStore((each) => {
  describe(`${USERS * EACH} sessions of ${USERS} users`, () => {
    let place: StorePlace;
    beforeEach(async () => {
      place = await each.open();
    });
    afterEach(() => place.close());

    it('lists one user by reading the records of that user, not of all', async () => {
      const now = Date.now();
      const cookie = JSON.stringify({ originalMaxAge: null, expires: null, httpOnly: true, path: '/' });
      const recordOf = (user: number) => {
        const principal = `user-${user}`;
        const metadata = {
          createdAt: now,
          seenAt: now,
          expiresAt: now + 86_400_000,
          handle: newHandle(),
          nonce: newNonce(),
          principal,
        };
        return {
          id: newSessionId(),
          text: recordText(cookie, '{"cart":[1]}', metadata),
          expiresAt: metadata.expiresAt,
          principal,
        };
      };
      // One user has three times as many as the others.
      const owners = [
        ...Array.from({ length: USERS * EACH }, (_, n) => n % USERS),
        ...Array.from({ length: 2 * EACH }, () => 7),
      ];
      const records = owners.map(recordOf);
      if (place.seed !== undefined) await place.seed(records);
      else
        for (let at = 0; at < records.length; at += 200)
          await Promise.all(records.slice(at, at + 200).map((each) => place.store.create(each.id, each)));

      const counting = new BarrierStore(place.store);
      const manager = new SessionManager(resolveOptions({ secret: SECRET, storeTimeout: '20s' }), counting);
      const registry = new SessionRegistry(manager);
      const touched = async (work: () => Promise<unknown>): Promise<number> => {
        const before = counting.listed + counting.calls;
        await work();
        return counting.listed + counting.calls - before;
      };
      const reads = await place.readsOf?.(() => registry.list({ principal: 'user-5' }));
      expect(await touched(() => registry.list({ principal: 'user-5' }))).toBe(EACH);
      expect(await touched(() => registry.list({ principal: 'user-7' }))).toBe(3 * EACH);
      expect(await touched(() => registry.list({ principal: 'nobody' }))).toBe(0);
      expect(await touched(() => registry.count({ principal: 'user-5' }))).toBe(EACH);
      // Beyond what the store gives: what it asked of its server, or its disk, to find them.
      if (reads !== undefined) expect(reads).toBeLessThanOrEqual(3 * EACH);
      const { sessions } = await registry.list({ principal: 'user-7' });
      expect(sessions).toHaveLength(3 * EACH);
      const handle = sessions[3]!.handle;
      // It looks twice: a new id that was written while it looked is in the second list.
      expect(await touched(() => registry.revoke(handle, { principal: 'user-7' }))).toBeLessThanOrEqual(6 * EACH + 2);
      expect(await registry.count()).toBe(USERS * EACH + 2 * EACH - 1);
    }, 120_000);
  });
});
