import type { IncomingMessage } from 'node:http';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { SessionDataError, SessionUnavailableError, TooManySessionsError } from '../../../../lib/common/errors.js';
import type { OnSaveError } from '../../../../lib/options/save-failure.js';
import { SessionStoreError } from '../../../../lib/stores/session-store.error.js';
import { failureOf } from '../../../../lib/transports/http/failure-response.js';
import type { GateFailure } from '../../../../lib/transports/http/response-gate.js';

const req = { url: '/' } as IncomingMessage;
let errors: unknown[];
const answer = (error: unknown, onSaveError?: OnSaveError): GateFailure =>
  failureOf(error, req, {
    onSaveError,
    logger: { warn: () => undefined, error: (_, cause) => errors.push((cause as Error).message) },
  });

beforeEach(() => {
  errors = [];
});

describe('failureOf()', () => {
  it.each([
    [
      'a store that is down',
      new SessionStoreError('UNAVAILABLE', 'at 10.0.0.7'),
      503,
      'The session store is not available. Please try again.',
    ],
    [
      'a save that was given up',
      new SessionUnavailableError('too often'),
      503,
      'The session store is not available. Please try again.',
    ],
    ['a refused login', new TooManySessionsError(2), 409, new TooManySessionsError(2).message],
    [
      'data that can not be saved',
      new SessionDataError('TOO_LARGE', 'session.x'),
      500,
      'The session could not be saved.',
    ],
    ['any other error', new Error('secret'), 500, 'The session could not be saved.'],
    ['nothing', undefined, 500, 'The session could not be saved.'],
  ])('%s is %s', (_, error, status, message) => {
    const made = answer(error);
    expect(made.status).toBe(status);
    expect(JSON.parse(String(made.body))).toMatchObject({ statusCode: status, message });
    expect(made.headers).toMatchObject({ 'Cache-Control': 'no-store' });
    expect(made.headers?.['Retry-After']).toBe(status === 503 ? '1' : undefined);
  });
});

describe('onSaveError', () => {
  it("answers in the app's own words, with the status of the failure", () => {
    const made = answer(new SessionUnavailableError(), ({ message }) => ({ body: `<p>${message}</p>` }));
    expect(made).toMatchObject({
      status: 503,
      headers: { 'Content-Type': 'text/html; charset=utf-8', 'Retry-After': '1' },
      body: '<p>The session store is not available. Please try again.</p>',
    });
  });

  it('may set the status and replace headers, whatever their case', () => {
    const made = answer(new Error('x'), () => ({
      statusCode: 200,
      headers: { 'content-type': 'text/plain', 'X-Own': '1' },
      body: '',
    }));
    expect([made.status, made.headers]).toEqual([
      200,
      { 'Content-Type': 'text/plain', 'Cache-Control': 'no-store', 'X-Own': '1' },
    ]);
  });

  it('may return nothing', () => {
    expect(answer(new TooManySessionsError(2), () => undefined).status).toBe(409);
    expect(errors).toEqual([]);
  });

  it.each<[string, OnSaveError, string]>([
    [
      'throws',
      () => {
        throw new Error('own');
      },
      'own',
    ],
    ['returns no body', () => ({}) as never, '"onSaveError" returned an object'],
    ['returns null', () => null as never, '"onSaveError" returned null'],
    ['returns a status that can not be sent', () => ({ statusCode: 99, body: '' }), '"onSaveError" returned an object'],
  ])('that %s is logged, and the default is sent', (_, onSaveError, says) => {
    expect(answer(new Error('x'), onSaveError).status).toBe(500);
    expect(errors).toEqual([expect.stringContaining(says)]);
  });
});
