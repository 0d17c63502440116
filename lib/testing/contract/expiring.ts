import type { Suite } from './harness.js';
import { listIds, mustLoad, newId, recordOf } from './records.js';

/** An expired record behaves like a missing one, whether or not it still uses space. */
export function expiring(suite: Suite): void {
  const { test, expect, expectText } = suite;

  test('gives no record that has expired, and neither replaces nor destroys it', async (h) => {
    const [id, kept] = [newId(), newId()];
    await h.store.create(id, recordOf(h, { expiresAt: h.soon() }));
    await h.store.create(kept, recordOf(h));
    const { revision } = await mustLoad(h.store, id);
    await h.passSoon();
    expect(await h.store.load(id)).toBeUndefined();
    expect(await h.store.replace(id, recordOf(h), revision)).toBe('gone');
    expect(await h.store.load(id)).toBeUndefined();
    expect(await h.store.destroy(id)).toBe('gone');
    expect(await h.store.load(kept)).toBeDefined();
  });

  test('ends a record that has expired only if it is the version that was read', async (h) => {
    const [id, other] = [newId(), newId()];
    await h.store.create(id, recordOf(h, { expiresAt: h.soon() }));
    await h.store.create(other, recordOf(h, { data: { other: true } }));
    const { revision } = await mustLoad(h.store, other);
    await h.passSoon();
    const overdue = await h.store.load(id, true);
    const attempt = await h.store.destroy(id, revision);
    // A store may have no such records any more, or never show them.
    if (overdue !== undefined) expect(attempt).toBe('conflict');
    expect(await h.store.load(id, true)).toEqual(overdue);
    expect(await h.store.destroy(id, overdue?.revision)).toBe('gone');
    expect(await h.store.load(id, true)).toBeUndefined();
  });

  test('takes a new record under an id whose record has expired', async (h) => {
    const [id, again] = [newId(), recordOf(h, { data: { again: true } })];
    await h.store.create(id, recordOf(h, { expiresAt: h.soon() }));
    await h.passSoon();
    await h.store.create(id, again);
    expectText((await h.store.load(id))?.text, again.text);
  });

  test('moves the expiry with every replace, on and back', async (h) => {
    const [longer, shorter] = [newId(), newId()];
    await h.store.create(longer, recordOf(h, { expiresAt: h.soon() }));
    await h.store.create(shorter, recordOf(h));
    const revisions = [await mustLoad(h.store, longer), await mustLoad(h.store, shorter)].map((s) => s.revision);
    expect(await h.store.replace(longer, recordOf(h), revisions[0])).toBe('ok');
    expect(await h.store.replace(shorter, recordOf(h, { expiresAt: h.soon() }), revisions[1])).toBe('ok');
    await h.passSoon();
    expect(await h.store.load(longer)).toBeDefined();
    expect(await h.store.load(shorter)).toBeUndefined();
  });

  test('neither lists nor counts what has expired', async (h) => {
    const [id, kept] = [newId(), newId()];
    await h.store.create(id, recordOf(h, { expiresAt: h.soon(), principal: '7' }));
    await h.store.create(kept, recordOf(h, { principal: '7' }));
    expect((await listIds(h.store)).length).toBe(2);
    await h.passSoon();
    expect(await listIds(h.store)).toEqual([kept]);
    expect(await listIds(h.store, { principal: '7' })).toEqual([kept]);
    expect(await h.store.count?.()).toBe(1);
    expect(await h.store.count?.({ principal: '7' })).toBe(1);
  });

  test('prunes what has expired and nothing else', async (h) => {
    const kept = newId();
    await h.store.create(kept, recordOf(h, { principal: '7' }));
    for (let n = 0; n < 3; n++) await h.store.create(newId(), recordOf(h, { expiresAt: h.soon(), principal: '7' }));
    await h.passSoon();
    expect(await h.store.prune?.()).toBeLessThanOrEqual(3);
    expect(await h.store.prune?.()).toBe(0);
    expect(await listIds(h.store, { principal: '7' })).toEqual([kept]);
  });

  test('takes a record that has expired already, and never gives it', async (h) => {
    const id = newId();
    await h.store.create(id, recordOf(h, { expiresAt: h.now() - 1000 }));
    expect(await h.store.load(id)).toBeUndefined();
    expect(await h.store.destroy(id)).toBe('gone');
  });

  test('ends a record that is replaced by one that has expired already', async (h) => {
    const id = newId();
    await h.store.create(id, recordOf(h));
    const { revision } = await mustLoad(h.store, id);
    expect(await h.store.replace(id, recordOf(h, { expiresAt: h.now() - 1000 }), revision)).toBe('ok');
    expect(await h.store.load(id)).toBeUndefined();
  });
}
