import { withNow } from '../../record/with-now.js';
import type { Suite } from './harness.js';
import { errorCode, mustLoad, newId, recordOf, tally } from './records.js';

const TEXTS: Record<string, Record<string, unknown>> = {
  'plain data': { user: { id: 7, name: 'John Doe' }, views: 3 },
  'letters beyond ASCII': { city: 'Zürich', name: 'Ελένη 李雷', note: '🏨🗝️' },
  'quotes, slashes and line separators': { q: '"\'\\/`', lines: 'a\nb\r\u2028c\u2029', html: '</script>' },
  'control characters and halves of a pair': { nul: 'a\u0000b', bell: '\u0007', half: '\ud83c!' },
  'keys in an order of their own': { z: 1, a: { y: 1, b: 2 }, m: [] },
  'empty and odd values': { '': null, zero: 0, minus: -0.5, big: 1e21, no: false, list: [[], {}] },
  'keys of prototypes': { constructor: 1, toString: 'x', hasOwnProperty: null },
  'nothing but cookie and metadata': {},
};

/** create, load and destroy of one record. */
export function keeping(suite: Suite): void {
  const { test, expect, expectText } = suite;

  for (const [what, data] of Object.entries(TEXTS)) {
    test(`gives back the text that was created: ${what}`, async (h) => {
      const [id, record] = [newId(), recordOf(h, { data })];
      await h.store.create(id, record);
      expectText((await h.store.load(id))?.text, record.text);
    });
  }

  test('gives back a text of 100 kB, whole', async (h) => {
    const [id, record] = [newId(), recordOf(h, { data: { blob: 'añ😀"'.repeat(20_000) } })];
    await h.store.create(id, record);
    expectText((await h.store.load(id))?.text, record.text);
  });

  test('gives the expiry that was written, or none where a read does not show it', async (h) => {
    const [id, record] = [newId(), recordOf(h)];
    await h.store.create(id, record);
    const { expiresAt = record.expiresAt } = await mustLoad(h.store, id);
    expect(Math.abs(expiresAt - record.expiresAt)).toBeLessThanOrEqual(1000);
  });

  test('loads without a promise as with one, if it can', async (h) => {
    const [id, { store }] = [newId(), h];
    await store.create(id, recordOf(h));
    if (withNow(store, 'load') !== undefined) {
      expect(store.loadNow!(id)).toEqual(await store.load(id));
      expect(store.loadNow!(newId())).toBeUndefined();
    }
  });

  test('loads nothing under an id that it has never seen', async (h) => {
    await h.store.create(newId(), recordOf(h));
    expect(await h.store.load(newId())).toBeUndefined();
  });

  test('refuses to create a second record under a live id, and changes nothing', async (h) => {
    const [id, record] = [newId(), recordOf(h, { principal: '7' })];
    await h.store.create(id, record);
    const before = await mustLoad(h.store, id);
    expect(await errorCode(h.store.create(id, recordOf(h, { principal: '8' })))).toBe('ID_TAKEN');
    expectText((await h.store.load(id))?.text, record.text);
    expect(await h.store.replace(id, recordOf(h), before.revision)).toBe('ok');
  });

  test('lets exactly one of many creates under one id succeed', async (h) => {
    const id = newId();
    const stores = [h.store, await h.second()];
    const records = Array.from({ length: 12 }, () => recordOf(h));
    const codes = await Promise.all(records.map((record, n) => errorCode(stores[n % 2]!.create(id, record))));
    expect(tally(codes.map((code) => code ?? 'ok'))).toEqual({ ok: 1, ID_TAKEN: 11 });
    expectText((await h.store.load(id))?.text, records[codes.indexOf(undefined)]!.text);
  });

  test('keeps records apart', async (h) => {
    const records = Array.from({ length: 20 }, (_, n) => [newId(), recordOf(h, { data: { n } })] as const);
    await Promise.all(records.map(([id, record]) => h.store.create(id, record)));
    const found = await Promise.all(records.map(([id]) => h.store.load(id)));
    records.forEach(([, record], n) => expectText(found[n]?.text, record.text));
  });

  test('shows to another store what one has written', async (h) => {
    const [id, record] = [newId(), recordOf(h)];
    const other = await h.second();
    await h.store.create(id, record);
    expectText((await other.load(id))?.text, record.text);
    expect(await other.destroy(id)).toBe('ok');
    expect(await h.store.load(id)).toBeUndefined();
  });

  test('may be closed twice', async (h) => {
    await h.store.create(newId(), recordOf(h));
    await h.store.close?.();
    await h.store.close?.();
  });

  test('meets garbage in place of a record without an error, and still gives the others', async (h) => {
    if (h.subject.corrupt === undefined) return;
    const [good, record] = [newId(), recordOf(h)];
    await h.store.create(good, record);
    for (const text of [
      '{"cookie":{"origi',
      '[]',
      'null',
      '7',
      '""',
      '{}',
      '{"__proto__":{"polluted":1}}',
      '\u0000\ud83c',
    ]) {
      const id = newId();
      await h.store.create(id, recordOf(h));
      await h.subject.corrupt(id, text);
      const found = await h.store.load(id);
      expect(typeof (found?.text ?? '')).toBe('string');
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expectText((await h.store.load(good))?.text, record.text);
    if (h.store.list === undefined) return;
    const listed: string[] = [];
    for await (const session of h.store.list()) listed.push(session.id);
    expect(listed).toContain(good);
  });
}
