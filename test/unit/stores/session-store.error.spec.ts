import { expect, it } from '@jest/globals';
import { isClosed, isStoreError, SessionStoreError } from '../../../lib/stores/session-store.error.js';

/** The class of the other build of this package. */
const ofOtherBuild = Object.assign(new Error('x'), { name: 'SessionStoreError', code: 'CLOSED' });

it.each([
  ['an own error', new SessionStoreError('TIMEOUT', 'x'), true, false],
  ['the error of a closed store', new SessionStoreError('CLOSED', 'x'), true, true],
  ['the error of the other build', ofOtherBuild, true, true],
  ['another error with a code', Object.assign(new Error('x'), { code: 'CLOSED' }), false, false],
  ['no error', { name: 'SessionStoreError', code: 'CLOSED' }, false, false],
])('isStoreError() and isClosed() of %s', (_, error, isStore, closed) =>
  expect([isStoreError(error), isClosed(error)]).toEqual([isStore, closed]),
);

it('is answered with 503, without its message', () => {
  const cause = new Error('connect ECONNREFUSED 10.0.0.7');
  const error = new SessionStoreError('UNAVAILABLE', 'x', { cause });
  expect(error).toMatchObject({ status: 503, statusCode: 503, expose: false, cause });
});
