import type { Suite } from './harness.js';
import { listAll, listIds, mustLoad, newId, recordOf } from './records.js';

/** list, count and clear, and the index by principal. */
export function listing(suite: Suite): void {
  const { test, expect, expectText } = suite;

  test('lists every session once, with its text, whatever the batch', async (h) => {
    const records = new Map(Array.from({ length: 23 }, (_, n) => [newId(), recordOf(h, { data: { n } })]));
    for (const [id, record] of records) await h.store.create(id, record);
    for (const query of [undefined, { batch: 1 }, { batch: 5 }, { batch: 1000 }]) {
      const found = await listAll(h.store, query);
      expect(found.map((session) => session.id).sort()).toEqual([...records.keys()].sort());
      for (const session of found) expectText(session.text, records.get(session.id)!.text);
    }
    expect(await h.store.count?.()).toBe(23);
  });

  test('lists nothing where there is nothing', async (h) => {
    expect(await listIds(h.store)).toEqual([]);
    expect(await listIds(h.store, { principal: '7' })).toEqual([]);
    expect(await h.store.count?.()).toBe(0);
    expect(await h.store.count?.({ principal: '7' })).toBe(0);
  });

  test('goes on after a cursor, with neither a gap nor a repetition', async (h) => {
    const ids = Array.from({ length: 11 }, newId);
    for (const [n, id] of ids.entries()) await h.store.create(id, recordOf(h, n < 8 ? { principal: '7' } : {}));
    for (const principal of [undefined, '7']) {
      const seen: string[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < 20; page++) {
        let taken = 0;
        for await (const session of h.store.list!({ principal, cursor, batch: 2 })) {
          seen.push(session.id);
          cursor = session.cursor;
          if (++taken === 3) break;
        }
        if (taken < 3) break;
      }
      expect(seen.sort()).toEqual((principal === undefined ? ids : ids.slice(0, 8)).slice().sort());
    }
  });

  test('gives revisions that a replace and a destroy take', async (h) => {
    await h.store.create(newId(), recordOf(h, { principal: '7' }));
    const [one] = await listAll(h.store);
    expect(await h.store.replace(one!.id, recordOf(h, { principal: '7' }), one!.revision)).toBe('ok');
    const [two] = await listAll(h.store, { principal: '7' });
    expect(await h.store.destroy(two!.id, one!.revision)).toBe('conflict');
    expect(await h.store.destroy(two!.id, two!.revision)).toBe('ok');
  });

  test('lists and counts the sessions of one principal, and of nobody else', async (h) => {
    const mine = [newId(), newId(), newId()];
    for (const id of mine) await h.store.create(id, recordOf(h, { principal: '7' }));
    await h.store.create(newId(), recordOf(h, { principal: '77' }));
    await h.store.create(newId(), recordOf(h));
    expect(await listIds(h.store, { principal: '7' })).toEqual([...mine].sort());
    expect(await h.store.count?.({ principal: '7' })).toBe(3);
    expect(await h.store.count?.({ principal: '777' })).toBe(0);
    expect(await h.store.count?.()).toBe(5);
  });

  test('takes any text for a principal', async (h) => {
    const principals = [
      ' ',
      'a/b',
      '../up',
      '%_',
      '*',
      'a:b',
      '{a}',
      "o'neill",
      'Zoë',
      '李雷',
      'ZOË',
      'x'.repeat(500),
      '__proto__',
    ];
    for (const principal of principals) await h.store.create(newId(), recordOf(h, { principal }));
    for (const principal of principals) {
      const [only, ...rest] = await listAll(h.store, { principal });
      expect((JSON.parse(only!.text) as { __keycard: { p: string } }).__keycard.p).toBe(principal);
      expect(rest.length).toBe(0);
    }
  });

  test('moves a session to its new principal, and out of the index where it has none any more', async (h) => {
    const id = newId();
    await h.store.create(id, recordOf(h));
    const steps: (string | undefined)[] = ['7', '8', '8', undefined, '7'];
    for (const principal of steps) {
      const next = recordOf(h, principal === undefined ? {} : { principal });
      expect(await h.store.replace(id, next, (await mustLoad(h.store, id)).revision)).toBe('ok');
      for (const name of ['7', '8']) {
        expect(await listIds(h.store, { principal: name })).toEqual(name === principal ? [id] : []);
        expect(await h.store.count?.({ principal: name })).toBe(name === principal ? 1 : 0);
      }
      expect(await listIds(h.store)).toEqual([id]);
    }
  });

  test('leaves the index as it was where a replace came to nothing', async (h) => {
    const id = newId();
    await h.store.create(id, recordOf(h, { principal: '7' }));
    const { revision } = await mustLoad(h.store, id);
    await h.store.replace(id, recordOf(h, { principal: '7' }), revision);
    expect(await h.store.replace(id, recordOf(h, { principal: '8' }), revision)).toBe('conflict');
    expect(await listIds(h.store, { principal: '7' })).toEqual([id]);
    expect(await listIds(h.store, { principal: '8' })).toEqual([]);
  });

  test('drops a destroyed session from every list', async (h) => {
    const [id, kept] = [newId(), newId()];
    await h.store.create(id, recordOf(h, { principal: '7' }));
    await h.store.create(kept, recordOf(h, { principal: '7' }));
    await h.store.destroy(id);
    expect(await listIds(h.store)).toEqual([kept]);
    expect(await listIds(h.store, { principal: '7' })).toEqual([kept]);
    expect(await h.store.replace(id, recordOf(h, { principal: '7' }), undefined)).toBe('gone');
    expect(await h.store.count?.({ principal: '7' })).toBe(1);
  });

  test('lists a session under the principal of its latest life', async (h) => {
    const id = newId();
    await h.store.create(id, recordOf(h, { principal: '7' }));
    await h.store.destroy(id);
    await h.store.create(id, recordOf(h, { principal: '8' }));
    expect(await listIds(h.store, { principal: '7' })).toEqual([]);
    expect(await listIds(h.store, { principal: '8' })).toEqual([id]);
  });

  test('survives changes of the sessions while it lists them', async (h) => {
    const ids = Array.from({ length: 12 }, newId);
    for (const id of ids) await h.store.create(id, recordOf(h, { principal: '7' }));
    for (const query of [{ batch: 2 }, { batch: 2, principal: '7' }]) {
      const seen: string[] = [];
      for await (const session of h.store.list!(query)) {
        seen.push(session.id);
        if (seen.length === 2) await h.store.destroy(ids.find((id) => !seen.includes(id))!);
        if (seen.length === 3) await h.store.create(newId(), recordOf(h));
      }
      expect(new Set(seen).size).toBe(seen.length);
      for (const id of ids) if ((await h.store.load(id)) !== undefined) expect(seen).toContain(id);
    }
  });

  test('clears everything, and takes new sessions afterwards', async (h) => {
    const ids = [newId(), newId(), 'odd/../id'];
    for (const id of ids) await h.store.create(id, recordOf(h, { principal: '7' }));
    await h.store.clear?.();
    for (const id of ids) expect(await h.store.load(id)).toBeUndefined();
    expect(await listIds(h.store)).toEqual([]);
    expect(await listIds(h.store, { principal: '7' })).toEqual([]);
    expect(await h.store.count?.()).toBe(0);
    await h.store.create(ids[0]!, recordOf(h, { principal: '7' }));
    expect(await listIds(h.store, { principal: '7' })).toEqual([ids[0]]);
  });
}
