import { setImmediate } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { isWithinUpdate, runWithin } from '../../../lib/session/update-scope.js';

it('tells the code of fn, also after its awaits, from other code', async () => {
  const session = { applying: true, inSyncPart: false };
  const running = runWithin(session, async () => {
    await setImmediate();
    return [isWithinUpdate(session), isWithinUpdate({ applying: true, inSyncPart: false })];
  });
  expect(isWithinUpdate(session)).toBe(false);
  expect(await running).toEqual([true, false]);
});

it('is over when fn has returned', async () => {
  const session = { applying: true, inSyncPart: false };
  const later = runWithin(session, () => setImmediate().then(() => isWithinUpdate(session)));
  session.applying = false;
  expect(await later).toBe(false);
});

it('counts the part of fn before its first await', () => {
  expect(isWithinUpdate({ applying: true, inSyncPart: true })).toBe(true);
});
