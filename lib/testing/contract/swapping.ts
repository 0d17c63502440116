import type { SessionStore, StoredSession, WriteResult } from '../../stores/session-store.js';
import { withNow } from '../../record/with-now.js';
import type { Suite } from './harness.js';
import { listIds, mustLoad, newId, recordOf, tally } from './records.js';

/** replace and destroy: the guarantees of compare-and-swap. */
export function swapping(suite: Suite): void {
  const { test, expect, expectText } = suite;

  test('replaces the version that was read', async (h) => {
    const [id, next] = [newId(), recordOf(h, { data: { views: 4 } })];
    await h.store.create(id, recordOf(h));
    expect(await h.store.replace(id, next, (await mustLoad(h.store, id)).revision)).toBe('ok');
    expectText((await h.store.load(id))?.text, next.text);
  });

  test('refuses to replace a version that is no longer there', async (h) => {
    const [id, second] = [newId(), recordOf(h, { data: { views: 4 } })];
    await h.store.create(id, recordOf(h));
    const { revision } = await mustLoad(h.store, id);
    expect(await h.store.replace(id, second, revision)).toBe('ok');
    expect(await h.store.replace(id, recordOf(h, { data: { views: 5 } }), revision)).toBe('conflict');
    expectText((await h.store.load(id))?.text, second.text);
  });

  test('replaces without a promise as with one, if it can', async (h) => {
    const [id, next, { store }] = [newId(), recordOf(h, { data: { views: 4 }, principal: 'ann' }), h];
    await store.create(id, recordOf(h));
    const { revision } = await mustLoad(store, id);
    if (withNow(store, 'replace') === undefined) return;
    expect(store.replaceNow!(id, next, revision)).toBe('ok');
    expectText((await store.load(id))?.text, next.text);
    if (store.list !== undefined) expect(await listIds(store, { principal: 'ann' })).toEqual([id]);
    expect(store.replaceNow!(id, recordOf(h), revision)).toBe('conflict');
    expectText((await store.load(id))?.text, next.text);
    await store.destroy(id);
    expect(store.replaceNow!(id, next, revision)).toBe('gone');
  });

  test('gives a revision with every load, and equal ones are as good as each other', async (h) => {
    const id = newId();
    await h.store.create(id, recordOf(h));
    const [one, two] = [await mustLoad(h.store, id), await mustLoad(h.store, id)];
    expect(await h.store.replace(id, recordOf(h), one.revision)).toBe('ok');
    expect(await h.store.replace(id, recordOf(h), two.revision)).toBe('conflict');
  });

  test('never makes a record again that was destroyed', async (h) => {
    const id = newId();
    await h.store.create(id, recordOf(h));
    const { revision } = await mustLoad(h.store, id);
    expect(await h.store.destroy(id)).toBe('ok');
    expect(await h.store.replace(id, recordOf(h), revision)).toBe('gone');
    expect(await h.store.load(id)).toBeUndefined();
  });

  test('lets exactly one of many replaces of one version through', async (h) => {
    const id = newId();
    const stores = [h.store, await h.second()];
    await h.store.create(id, recordOf(h));
    for (let round = 0; round < 5; round++) {
      const revisions = await Promise.all(stores.map(async (store) => (await mustLoad(store, id)).revision));
      const records = Array.from({ length: 16 }, (_, n) => recordOf(h, { data: { round, n } }));
      const results = await Promise.all(
        records.map((record, n) => stores[n % 2]!.replace(id, record, revisions[n % 2])),
      );
      expect(tally(results)).toEqual({ ok: 1, conflict: 15 });
      expectText((await h.store.load(id))?.text, records[results.indexOf('ok')]!.text);
    }
  });

  test('loses no increment that several writers make by compare-and-swap', async (h) => {
    const [id, conflicts] = [newId(), { count: 0 }];
    const stores = [h.store, await h.second()];
    await h.store.create(id, recordOf(h, { data: { views: 0 } }));
    const increment = async (store: SessionStore, held?: StoredSession): Promise<void> => {
      for (let attempt = 0; attempt < 1000; attempt++) {
        const { text, revision } = attempt === 0 && held !== undefined ? held : await mustLoad(store, id);
        const views = (JSON.parse(text) as { views: number }).views + 1;
        const result = await store.replace(id, recordOf(h, { data: { views } }), revision);
        if (result === 'ok') return;
        expect(result).toBe('conflict');
        conflicts.count += 1;
      }
      throw new Error('A replace met a conflict 1,000 times over.');
    };
    const writers = [0, 1, 2, 3].map((n) => stores[n % 2]!);
    // All have read the same version when they begin, so that they certainly conflict.
    const held = await Promise.all(writers.map((store) => mustLoad(store, id)));
    const writer = async (store: SessionStore, n: number): Promise<void> => {
      for (let times = 0; times < 10; times++) await increment(store, times === 0 ? held[n] : undefined);
    };
    await Promise.all(writers.map(writer));
    expect((JSON.parse((await mustLoad(h.store, id)).text) as { views: number }).views).toBe(40);
    expect(conflicts.count).toBeGreaterThan(2);
  });

  // A store that compares texts treats the first version like the third; one that counts versions doesn't. Neither
  // loses a change, as the text that is replaced is the text that was read. In both cases a revision is valid only
  // once.
  test('handles a record that was changed and changed back: an old revision wins at most once', async (h) => {
    const [id, first] = [newId(), recordOf(h)];
    await h.store.create(id, first);
    const { revision } = await mustLoad(h.store, id);
    expect(await h.store.replace(id, recordOf(h, { data: { other: 1 } }), revision)).toBe('ok');
    expect(await h.store.replace(id, first, (await mustLoad(h.store, id)).revision)).toBe('ok');
    const [last, late] = [recordOf(h, { data: { last: 1 } }), recordOf(h, { data: { late: 1 } })];
    const result = await h.store.replace(id, last, revision);
    expect(['ok', 'conflict']).toContain(result);
    expect(await h.store.replace(id, late, revision)).toBe('conflict');
    expectText((await h.store.load(id))?.text, result === 'ok' ? last.text : first.text);
  });

  test('destroys whatever is there, and once only', async (h) => {
    const id = newId();
    await h.store.create(id, recordOf(h));
    expect(await h.store.destroy(id)).toBe('ok');
    expect(await h.store.load(id)).toBeUndefined();
    expect(await h.store.destroy(id)).toBe('gone');
    expect(await h.store.destroy(newId())).toBe('gone');
  });

  test('destroys the version that was read, and no other', async (h) => {
    const [id, second] = [newId(), recordOf(h, { data: { views: 4 } })];
    await h.store.create(id, recordOf(h));
    const { revision } = await mustLoad(h.store, id);
    await h.store.replace(id, second, revision);
    expect(await h.store.destroy(id, revision)).toBe('conflict');
    const current = await mustLoad(h.store, id);
    expectText(current.text, second.text);
    expect(await h.store.destroy(id, current.revision)).toBe('ok');
    expect(await h.store.load(id)).toBeUndefined();
    expect(await h.store.destroy(id, current.revision)).toBe('gone');
  });

  test('lets exactly one of many destroys say that it was the one', async (h) => {
    const id = newId();
    const stores = [h.store, await h.second()];
    await h.store.create(id, recordOf(h));
    const results = await Promise.all(Array.from({ length: 10 }, (_, n) => stores[n % 2]!.destroy(id)));
    expect(tally(results)).toEqual({ ok: 1, gone: 9 });
  });

  test('leaves nothing behind where a destroy meets a replace, whichever comes first', async (h) => {
    const stores = [h.store, await h.second()];
    const seen: WriteResult[] = [];
    for (let round = 0; round < 12; round++) {
      const id = newId();
      await h.store.create(id, recordOf(h));
      const { revision } = await mustLoad(stores[1]!, id);
      const replace = (): Promise<WriteResult> => stores[1]!.replace(id, recordOf(h), revision);
      const destroy = (): Promise<WriteResult> => stores[0]!.destroy(id);
      const calls = round % 2 === 0 ? [replace(), destroy()] : [destroy(), replace()].reverse();
      const [replaced, destroyed] = await Promise.all(calls);
      seen.push(replaced!);
      expect(destroyed).toBe('ok');
      expect(['ok', 'gone']).toContain(replaced);
      expect(await h.store.load(id)).toBeUndefined();
    }
    expect(seen.length).toBe(12);
  });

  test('takes a new record under an id that was destroyed, and old revisions do not fit it', async (h) => {
    const [id, again] = [newId(), recordOf(h)];
    await h.store.create(id, recordOf(h));
    const { revision } = await mustLoad(h.store, id);
    await h.store.destroy(id);
    await h.store.create(id, again);
    expect(await h.store.replace(id, recordOf(h), revision)).toBe('conflict');
    expect(await h.store.destroy(id, revision)).toBe('conflict');
    expectText((await h.store.load(id))?.text, again.text);
  });
}
