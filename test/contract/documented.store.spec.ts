import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { SessionStore } from 'nestjs-keycard';
import { ManualClock } from '../../lib/testing/contract/manual-clock.js';
import { storeContract } from '../../lib/testing/store-contract.js';
import { runDocs } from '../support/docs-code.js';

type Clocked = new (clock: { now(): number }) => SessionStore;
const { MapStore } = await runDocs<{ MapStore: Clocked }>('writing-a-store.md', 'class MapStore');

storeContract({
  name: 'MapStore of docs/writing-a-store.md',
  create: ({ clock }) => ({ store: new MapStore(clock) }),
  runner: { describe, it, expect, beforeEach, afterEach },
});

describe('MapStore of docs/writing-a-store.md', () => {
  it('#11 gives and ends a record that only a wrong clock calls expired', async () => {
    const clock = new ManualClock();
    const store = new MapStore(clock);
    await store.create('an-id', { text: '{}', expiresAt: clock.now() + 1, principal: undefined });
    clock.advance(2);
    expect(await store.load('an-id')).toBeUndefined();
    const overdue = await store.load('an-id', true);
    expect(overdue).toMatchObject({ text: '{}' });
    expect(await store.destroy('an-id', overdue!.revision)).toBe('gone');
    expect(await store.load('an-id', true)).toBeUndefined();
  });
});
