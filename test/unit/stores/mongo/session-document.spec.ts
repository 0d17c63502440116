import { describe, expect, it } from '@jest/globals';
import { ObjectId } from 'mongodb';
import { fitsSubDocument, keepTypes } from '../../../../lib/stores/mongo/bson-values.js';
import { storeErrorOf } from '../../../../lib/stores/mongo/mongo-errors.js';
import { principalOf, textOf, valueOf } from '../../../../lib/stores/mongo/session-document.js';

describe('a session document', () => {
  it('gives the text of a text and of a sub-document, and of nothing else', () => {
    expect(textOf({ _id: 'a', session: '{"a":1}' })).toBe('{"a":1}');
    expect(textOf({ _id: 'a', session: { a: new Date(0) } })).toBe('{"a":"1970-01-01T00:00:00.000Z"}');
    for (const session of [7, null, undefined, [], new Date(), new ObjectId(), Buffer.from('x')]) {
      expect(textOf({ _id: 'a', session })).toBeUndefined();
    }
  });

  it("makes a date of the cookie's end, as the peer does, and of no other text", () => {
    const at = '2026-01-02T00:00:00.000Z';
    const value = valueOf(JSON.stringify({ cookie: { expires: at, path: at }, at }), false);
    expect(value).toEqual({ cookie: { expires: new Date(at), path: at }, at });
    for (const expires of ['soon', '2026-01-02', 7, null, '2026-13-99T00:00:00.000Z']) {
      expect(valueOf(JSON.stringify({ cookie: { expires } }), false)).toEqual({ cookie: { expires } });
    }
  });

  it('keeps text that is no JSON object as the text that it is', () => {
    for (const text of ['', '[]', '7', 'v1.encrypted', '{"a":"\\ud83c"}']) expect(valueOf(text, false)).toBe(text);
  });

  it('restores a type that JSON lacks only if the value is the same', () => {
    const [at, id] = [new Date(0), new ObjectId()];
    const before = { at, id, list: [at, { at }], gone: at };
    const same = keepTypes(JSON.parse(JSON.stringify(before)), before) as typeof before;
    expect(same).toEqual(before);
    expect(same.at).toBe(at);
    const changed = { at: 'x', id: 'y', list: ['z', { at: '1970-01-01T00:00:00.000Z' }, 3], added: 1 };
    expect(keepTypes(structuredClone(changed), before)).toEqual({ ...changed, list: ['z', { at }, 3] });
    for (const other of [1, null, 'text', [], {}]) expect(keepTypes(other, before)).toEqual(other);
  });

  it('never touches a prototype', () => {
    const value = JSON.parse('{"__proto__":{"at":"1970-01-01T00:00:00.000Z"}}') as object;
    const before = JSON.parse('{"__proto__":{"at":1}}') as object;
    const kept = keepTypes(value, before) as object;
    expect(Object.getPrototypeOf(kept)).toBe(Object.prototype);
    expect(Object.keys(kept)).toEqual(['__proto__']);
  });

  it('says what a sub-document keeps', () => {
    const levels = (depth: number): unknown => (depth === 0 ? 1 : [levels(depth - 1)]);
    expect([1, 'é🏨', null, { '': [{}] }, levels(90)].every((value) => fitsSubDocument(value))).toBe(true);
    for (const value of ['\ud83c', { '\udd11': 1 }, { 'a\0': 1 }, { _bsontype: 1 }, [['\ud83c']], levels(91)]) {
      expect(fitsSubDocument(value)).toBe(false);
    }
  });

  it('takes the principal from the record, and from the field beside it only if the record can not be read', () => {
    const own = (facts: unknown) => JSON.stringify({ cookie: {}, __keycard: facts });
    expect(principalOf({ _id: 'a', session: own({ p: '7' }), keycard: { p: '8' } })).toBe('7');
    expect(principalOf({ _id: 'a', session: own({ v: 1 }), keycard: { p: '8' } })).toBeUndefined();
    expect(principalOf({ _id: 'a', session: 'v1.encrypted', keycard: { p: '8' } })).toBe('8');
    expect(principalOf({ _id: 'a', session: JSON.parse(own({ p: '7' })) as unknown, keycard: { p: '8' } })).toBe('7');
  });
});

describe("an error of the driver's", () => {
  const serverError = (code: number, more: object = {}) =>
    Object.assign(new Error('E11000 dup key: { _id: "secret-id" }'), { name: 'MongoServerError', code, ...more });
  it.each<[string, Error, string]>([
    ['a failed login', serverError(18, { codeName: 'AuthenticationFailed' }), 'REFUSED'],
    ['a missing right', serverError(13), 'REFUSED'],
    ['a step-down', serverError(10_107), 'UNAVAILABLE'],
    ['what the driver may try again', serverError(7777, { hasErrorLabel: () => true }), 'UNAVAILABLE'],
    ['the time limit of the server', serverError(50), 'TIMEOUT'],
    ['a cut connection', Object.assign(new Error('cut'), { name: 'MongoNetworkError' }), 'UNAVAILABLE'],
    ['a silent connection', Object.assign(new Error('timed out'), { name: 'MongoNetworkTimeoutError' }), 'TIMEOUT'],
    [
      'no server',
      Object.assign(new Error('timed out after 2000 ms'), { name: 'MongoServerSelectionError' }),
      'UNAVAILABLE',
    ],
    ['a closed client', Object.assign(new Error('closed'), { name: 'MongoClientClosedError' }), 'CLOSED'],
  ])('is told apart: %s', (_, error, code) => {
    const told = storeErrorOf(error);
    expect(told).toMatchObject({ name: 'SessionStoreError', code, cause: error });
    expect(told.message).not.toContain('secret-id');
    expect(storeErrorOf(told)).toBe(told);
  });
});
