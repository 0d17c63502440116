import { describe, expect, it } from '@jest/globals';
import { rethrown, storeErrorOf, wrapped } from '../../../../lib/stores/redis/redis-error.js';
import { SessionStoreError } from '../../../../lib/stores/session-store.error.js';

describe('storeErrorOf()', () => {
  it.each([
    ["NOPERM No permissions to run the 'evalsha' command", 'REFUSED', 'its user needs +eval and +evalsha'],
    ['NOAUTH Authentication required', 'REFUSED', 'docs/stores/redis.md lists the commands'],
    ['OOM command not allowed', 'REFUSED', 'Redis refused: OOM'],
    ['ERR Error running script: -OOM command not allowed', 'REFUSED', 'Redis refused'],
    ['ERR This Redis command is not allowed from script', 'REFUSED', 'Redis refused'],
    ['Command timed out', 'TIMEOUT', 'Redis did not answer in time: Command timed out'],
    ['Connection is closed.', 'UNAVAILABLE', 'Redis failed: Connection is closed.'],
  ])('%s', (message, code, says) => {
    const made = storeErrorOf(new Error(message));
    expect(made.code).toBe(code);
    expect(made.message).toContain(says);
  });

  it("drops a command's arguments, which contain ids and data", () => {
    const listed = storeErrorOf(
      new Error("ERR unknown command 'x', with args beginning with: 'secret'\n'more secret'"),
    );
    expect([listed.message, (listed.cause as Error).message].join()).not.toContain('secret');
    const attached = storeErrorOf(Object.assign(new Error('ERR x'), { command: { args: ['secret'] } }));
    expect(attached.cause).not.toHaveProperty('command');
  });

  it('takes something that is no error, and leaves a store error as it is', () => {
    expect(storeErrorOf('text').message).toBe('Redis failed: text');
    const error = new SessionStoreError('CLOSED', 'x');
    expect(storeErrorOf(error)).toBe(error);
  });
});

it('wrapped() and rethrown() fail with a store error', async () => {
  expect(await wrapped(Promise.resolve(7))).toBe(7);
  await expect(wrapped(Promise.reject(new Error('x')))).rejects.toBeInstanceOf(SessionStoreError);
  expect(() => rethrown(new Error('x'))).toThrow(SessionStoreError);
});
