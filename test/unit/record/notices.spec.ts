import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SessionDataError, SessionUnavailableError } from '../../../lib/common/errors.js';
import { Notices } from '../../../lib/record/notices.js';
import { SessionStoreError } from '../../../lib/stores/session-store.error.js';

let lines: unknown[][];
let notices: Notices;

beforeEach(() => {
  jest.useFakeTimers();
  lines = [];
  notices = new Notices({ warn: (text) => lines.push([text]), error: (text, cause) => lines.push([text, cause]) });
});
afterEach(() => void jest.useRealTimers());

describe('Notices', () => {
  it('warns of each topic once', () => {
    for (const topic of ['a', 'b', 'a']) notices.warnOnce(topic, `about ${topic}`);
    expect(lines).toEqual([['about a'], ['about b']]);
    expect([notices.hasSaid('a'), notices.hasSaid('c')]).toEqual([true, false]);
  });

  it('logs each kind of a store failure at most once a second, also if the error is wrapped', () => {
    const down = new SessionStoreError('UNAVAILABLE', 'down');
    const late = new SessionStoreError('TIMEOUT', 'late');
    const wrapped = new SessionUnavailableError('wrapped', { cause: late });
    const failures = [down, new SessionUnavailableError(), wrapped, late];
    for (const error of failures) notices.storeFailed('save', error);
    notices.storeFailed('load', down);
    expect(lines.map(([text, cause]) => [text, (cause as Error).message])).toEqual([
      ['A session could not be saved.', 'down'],
      ['A session could not be saved.', 'wrapped'],
      ['A session could not be loaded.', 'down'],
    ]);
    jest.advanceTimersByTime(1_000);
    notices.storeFailed('save', down);
    expect(lines).toHaveLength(4);
  });

  it('always logs faults of the app', () => {
    for (let n = 0; n < 3; n += 1) notices.storeFailed('save', new SessionDataError('TOO_LARGE', 'too large'));
    expect(lines).toHaveLength(3);
  });

  it('warns of each hidden key, and once of a number that JSON saves as null', () => {
    for (const key of ['id', 'id', 'cookie']) notices.hiddenKey(key);
    for (const path of ['a', 'b']) notices.notFinite(path);
    expect(lines.map(([text]) => /key named "(\w+)"|session\.(\w+) is NaN/.exec(String(text))?.slice(1))).toEqual([
      ['id', undefined],
      ['cookie', undefined],
      [undefined, 'a'],
    ]);
  });
});
