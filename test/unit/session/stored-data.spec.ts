import { describe, expect, it } from '@jest/globals';
import { ParsedRecord } from '../../../lib/record/record-text.js';
import { StoredData } from '../../../lib/session/stored-data.js';

const OURS = '{"cookie":{"path":"/"},"a":1,"b":2,"__keycard":{"v":1,"c":1,"s":1,"e":9,"h":"h","n":"n"}}';
const EXPRESS = '{"a":1,"cookie":{"path":"/"},"b":2}';
const UNREADABLE = OURS.replace('"a":1', '"a":');
const parsed = (text: string): ParsedRecord => ParsedRecord.read(text, 10_000) as ParsedRecord;
const of = (text: string): StoredData => new StoredData(parsed(text), undefined);

describe('StoredData', () => {
  it.each([
    ['a record of ours', of(OURS), { a: 1, b: 2 }],
    ["express-session's record", of(EXPRESS), { a: 1, b: 2 }],
    ['the last write', new StoredData(undefined, '{"c":3}'), { c: 3 }],
    ['none', StoredData.none(), {}],
  ])('values() of %s', (_, data, expected) => {
    expect(data.values()).toEqual(expected);
    expect(data.isReadable).toBe(true);
  });

  it('is empty if the record can not be read', () => {
    const data = of(UNREADABLE);
    expect([data.isReadable, data.values(), typeof data.read()]).toEqual([false, {}, 'string']);
  });

  it('raw() is the text of the data, only of a record of ours', () => {
    expect([of(OURS).raw(), of(EXPRESS).raw(), StoredData.none().raw()]).toEqual([
      ',"a":1,"b":2',
      undefined,
      undefined,
    ]);
  });

  it.each([
    ['the same', of(OURS), { a: 1, b: 2 }, true, false],
    ['a changed value', of(OURS), { a: 1, b: 3 }, true, true],
    ['another order', of(OURS), { b: 2, a: 1 }, false, false],
    ["the same, in express-session's record", of(EXPRESS), { a: 1, b: 2 }, true, false],
    ["a changed value in express-session's record", of(EXPRESS), { a: 1, b: 3 }, true, true],
    ['the same as the last write', new StoredData(undefined, '{"c":3}'), { c: 3 }, true, false],
    ['none, and now some', StoredData.none(), { c: 3 }, true, true],
  ])('differs() from %s', (_, data, values, isInOrder, expected) =>
    expect(data.differs(JSON.stringify(values), values, isInOrder)).toBe(expected),
  );

  it('saved() takes what was written; of unchanged data it reads the whole record', () => {
    expect(of(OURS).saved('{"c":3}', '').values()).toEqual({ c: 3 });
    expect(of(OURS).saved('', OURS).values()).toEqual({ a: 1, b: 2 });
  });
});
