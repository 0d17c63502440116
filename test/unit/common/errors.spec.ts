import { describe, expect, it } from '@jest/globals';
import {
  ReservedKeyError,
  SessionDataError,
  SessionOptionsError,
  SessionStateError,
  SessionUnavailableError,
  TooManySessionsError,
} from '../../../lib/common/errors.js';

describe('errors', () => {
  it.each([
    [new SessionOptionsError('x'), 'SessionOptionsError', 'SESSION_OPTIONS', undefined],
    [new ReservedKeyError('id'), 'ReservedKeyError', 'RESERVED_KEY', undefined],
    [new SessionDataError('TOO_LARGE', 'x'), 'SessionDataError', 'TOO_LARGE', undefined],
    [new SessionStateError('ENDED', 'x'), 'SessionStateError', 'ENDED', undefined],
    [new SessionStateError('ENDED', 'x', 409), 'SessionStateError', 'ENDED', 409],
    [new SessionUnavailableError(), 'SessionUnavailableError', 'SESSION_UNAVAILABLE', 503],
    [new TooManySessionsError(3), 'TooManySessionsError', 'TOO_MANY_SESSIONS', 409],
  ])('%s: name, code and status of the response', (error, name, code, statusCode) => {
    expect(error).toMatchObject({ name, code });
    expect((error as { statusCode?: number }).statusCode).toBe(statusCode);
  });

  it('visitors may see the message of those that are theirs to act on', () => {
    const shown = [new SessionUnavailableError(), new TooManySessionsError(3)];
    expect(shown.map(({ expose }) => expose)).toEqual([true, true]);
    expect(new TooManySessionsError(3).message).toContain('3 sessions');
    expect(new SessionDataError('TOO_LARGE', 'x')).not.toHaveProperty('expose');
  });

  it('keep their cause', () => {
    const cause = new Error('down');
    expect(new SessionUnavailableError(undefined, { cause }).cause).toBe(cause);
    expect(new SessionDataError('SCHEMA', 'x', { cause }).cause).toBe(cause);
  });

  it('a reserved key is named', () => {
    expect(new ReservedKeyError('cookie')).toMatchObject({
      key: 'cookie',
      message: expect.stringContaining('"cookie"'),
    });
  });
});
