import type { Suite } from './harness.js';
import { listIds, mustLoad, newId, recordOf } from './records.js';

const VISIBLE = Array.from({ length: 94 }, (_, n) => String.fromCharCode(33 + n)).join('');

const ODD_IDS: Record<string, readonly string[]> = {
  'paths and their parts': [
    '../x',
    '..',
    '.',
    '/etc/x',
    'a/b',
    'a\\b',
    '../../x.json',
    'x.json',
    '.hidden',
    '~x',
    '-x',
    '.keycard',
  ],
  'wild cards and separators': [
    '*',
    '?',
    '%',
    '%2e%2e%2f',
    '_',
    'a:b',
    '{a}',
    '[a-z]',
    '{}',
    '$where',
    '#',
    ';',
    "'",
    '"',
    '`',
    '\\',
  ],
  'names of prototypes and devices': ['__proto__', 'constructor', 'toString', 'con', 'NUL', 'aux', 'com1'],
  'ids that differ in case only': ['Abcdef', 'abcdef', 'ABCDEF', 'aBCDEF'],
  'one character, 256 characters, and every visible one': ['x', '0', 'y'.repeat(255), 'y'.repeat(256), VISIBLE],
  'ids that begin alike': ['same', 'same.', 'same.json', 'same:1', 'same*', 'same/'],
};

/** An id is any string of 1 to 256 visible ASCII characters. */
export function naming(suite: Suite): void {
  const { test, expect, expectText } = suite;

  for (const [what, ids] of Object.entries(ODD_IDS)) {
    test(`keeps apart ${what}`, async (h) => {
      const records = new Map(ids.map((id) => [id, recordOf(h, { data: { id }, principal: '7' })]));
      for (const [id, record] of records) await h.store.create(id, record);
      for (const [id, record] of records) expectText((await h.store.load(id))?.text, record.text);
      expect(await listIds(h.store)).toEqual([...ids].sort());
      expect(await listIds(h.store, { principal: '7' })).toEqual([...ids].sort());

      const [first, ...rest] = ids;
      const next = recordOf(h, { data: { next: 1 } });
      expect(await h.store.replace(first!, next, (await mustLoad(h.store, first!)).revision)).toBe('ok');
      expectText((await h.store.load(first!))?.text, next.text);
      expect(await h.store.destroy(first!)).toBe('ok');
      expect(await h.store.load(first!)).toBeUndefined();
      for (const id of rest) expectText((await h.store.load(id))?.text, records.get(id)!.text);
    });
  }

  test('finds nothing under odd ids that it has never seen', async (h) => {
    await h.store.create(newId(), recordOf(h));
    for (const id of Object.values(ODD_IDS).flat()) {
      expect(await h.store.load(id)).toBeUndefined();
      expect(await h.store.destroy(id)).toBe('gone');
    }
    expect((await listIds(h.store)).length).toBe(1);
  });
}
