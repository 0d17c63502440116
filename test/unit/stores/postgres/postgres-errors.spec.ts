import { describe, expect, it } from '@jest/globals';
import { sqlState, storeError, wasRolledBack } from '../../../../lib/stores/postgres/postgres-errors.js';
import { SessionStoreError } from '../../../../lib/stores/session-store.error.js';

const of = (code: string, message = 'the message'): Error => Object.assign(new Error(message), { code });

describe('sqlState()', () => {
  it.each([
    ['42P01', '42P01'],
    ['ECONNREFUSED', undefined],
    ['42p01', undefined],
    [42_501, undefined],
  ])('of the code %p', (code, state) => expect(sqlState({ code })).toBe(state));
  it('of nothing', () => expect(sqlState(undefined)).toBeUndefined());
});

describe('wasRolledBack()', () => {
  it.each([
    ['22021', true],
    ['23505', true],
    ['40P01', true],
    ['54000', true],
    ['40003', false],
    ['08006', false],
    ['ECONNRESET', false],
  ])('%s: %s', (code, expected) => {
    expect(wasRolledBack(of(code))).toBe(expected);
    expect(wasRolledBack(new SessionStoreError('REFUSED', 'x', { cause: of(code) }))).toBe(expected);
  });
});

describe('storeError()', () => {
  it.each<[string, Error, string, string]>([
    ['a missing table', of('42P01'), 'REFUSED', "The table app.sessions doesn't exist. Let the store create it"],
    ['a missing right', of('42501'), 'REFUSED', 'may not do this with the table app.sessions: grant it'],
    ['PgBouncer in transaction mode', of('26000'), 'REFUSED', 'set preparedStatements: false'],
    ['a wrong password', of('28P01', 'password failed'), 'REFUSED', 'password failed; correct user and password'],
    ['a missing database', of('3D000', 'no db'), 'REFUSED', 'no db; create it, or correct the name'],
    ['a full disk', of('53100', 'full'), 'UNAVAILABLE', 'is not available: full; the disk is full (SQLSTATE 53100)'],
    ['a standby', of('25006', 'read-only'), 'UNAVAILABLE', 'connect to the primary'],
    ['a statement that was cancelled', of('57014'), 'TIMEOUT', "didn't answer in time (SQLSTATE 57014)"],
    ['a time limit of the driver', new Error('Query read timeout'), 'TIMEOUT', "PostgreSQL at db:5432 didn't answer"],
    ['an error about a row', of('22021', 'secret data'), 'REFUSED', 'PostgreSQL refused a query (SQLSTATE 22021).'],
    ['an unknown error', new Error('secret data'), 'UNAVAILABLE', 'PostgreSQL at db:5432 is not available.'],
  ])('%s', (_, error, code, says) => {
    const made = storeError(error, 'app.sessions', 'db:5432');
    expect(made.code).toBe(code);
    expect(made.message).toContain(says);
    expect(made.message).not.toContain('secret data');
    expect(made.cause).toBe(error);
  });

  it('names the address of a system error', () => {
    const error = Object.assign(new Error('x'), {
      code: 'ECONNREFUSED',
      syscall: 'connect',
      address: '::1',
      port: 5432,
    });
    expect(storeError(error, 't').message).toBe('PostgreSQL is not available: ECONNREFUSED at ::1:5432.');
  });

  it('leaves a store error as it is', () => {
    const error = new SessionStoreError('ID_TAKEN', 'x');
    expect(storeError(error, 't')).toBe(error);
  });
});
