import { describe, expect, it } from '@jest/globals';
import { refusesDocument, serverCode, storeErrorOf } from '../../../../lib/stores/mongo/mongo-errors.js';
import { SessionStoreError } from '../../../../lib/stores/session-store.error.js';

const named = (name: string, more: object = {}): Error => Object.assign(new Error('secret-id'), { name }, more);
const server = (code: number, more: object = {}): Error => named('MongoServerError', { code, ...more });
const refused = { code: 'ECONNREFUSED', syscall: 'connect', address: '127.0.0.1', port: 27017 };

describe('the code of the server', () => {
  it.each([
    ['an answer', server(50), 50],
    ['a write', named('MongoBulkWriteError', { code: 64 }), 64],
    ["the driver's own error", named('MongoNetworkError', { code: 50 }), undefined],
    ['a system error', named('MongoServerError', { code: 'ECONNRESET' }), undefined],
    ['nothing', undefined, undefined],
  ])('of %s', (_, error, code) => expect(serverCode(error)).toBe(code));

  it('tells a document that the server refuses', () => {
    expect([2, 15, 52, 55, 56, 57, 1].map((code) => refusesDocument(server(code)))).toEqual([
      ...Array<boolean>(6).fill(true),
      false,
    ]);
  });
});

describe('storeErrorOf()', () => {
  it.each<[string, unknown, string, string]>([
    [
      'a wrong login',
      server(18, { codeName: 'AuthenticationFailed' }),
      'REFUSED',
      'check user, password and authSource (AuthenticationFailed, 18)',
    ],
    ['a missing right', server(13), 'REFUSED', 'grant readWrite on it (error, 13)'],
    ['a failover', server(10_107), 'UNAVAILABLE', 'is not available (error, 10107)'],
    [
      'what may be tried again',
      server(7_777, { hasErrorLabel: (label: string) => label === 'RetryableWriteError' }),
      'UNAVAILABLE',
      'is not available',
    ],
    ['a time limit of the server', server(50), 'TIMEOUT', "didn't answer in time (error, 50)"],
    ['a time limit of the driver', named('MongoOperationTimeoutError'), 'TIMEOUT', "didn't answer in time."],
    ['a client that was closed', named('MongoClientClosedError'), 'CLOSED', 'was closed: its client has ended'],
    [
      'a server that is not there',
      named('MongoServerSelectionError', { cause: refused, message: 'timed out' }),
      'UNAVAILABLE',
      'ECONNREFUSED at 127.0.0.1:27017',
    ],
  ])('%s', (_, error, code, says) => {
    const made = storeErrorOf(error);
    expect(made.code).toBe(code);
    expect(made.message).toContain(says);
    expect(made.message).not.toContain('secret-id');
  });

  it('leaves a store error as it is', () => {
    const error = new SessionStoreError('ID_TAKEN', 'x');
    expect(storeErrorOf(error)).toBe(error);
  });
});
