import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Notices } from '../../../../lib/record/notices.js';
import type { SessionCore } from '../../../../lib/session/session-core.js';
import { LateWrites } from '../../../../lib/transports/http/late-writes.js';

/** The request's session, which only the request itself looks at. */
const core = {} as SessionCore;
let warnings: string[];
let late: LateWrites;
const request = (isWritten: (look: number) => boolean) => {
  let looks = 0;
  return {
    isWrittenLate: () => isWritten((looks += 1)),
    get looks() {
      return looks;
    },
  };
};

beforeEach(() => {
  jest.useFakeTimers();
  warnings = [];
  late = new LateWrites(new Notices({ warn: (text) => warnings.push(text), error: () => undefined }));
});
afterEach(() => void jest.useRealTimers());

describe('LateWrites', () => {
  it('warns once of a change after the response, and watches no more', () => {
    late.watch(
      request((look) => look === 3),
      core,
    );
    jest.advanceTimersByTime(2_000);
    expect(warnings).toEqual([]);
    jest.advanceTimersByTime(1_000);
    expect(warnings).toEqual([expect.stringContaining('changed after its response had ended')]);
    const next = request(() => true);
    late.watch(next, core);
    jest.advanceTimersByTime(20_000);
    expect([warnings.length, next.looks, jest.getTimerCount()]).toEqual([1, 0, 0]);
  });

  it('looks ten times, and keeps no timer after that', () => {
    const unchanged = request(() => false);
    late.watch(unchanged, core);
    jest.advanceTimersByTime(60_000);
    expect([unchanged.looks, jest.getTimerCount()]).toEqual([10, 0]);
  });

  it('watches at most 16 requests, and begins again with one that it watches', () => {
    const all = Array.from({ length: 17 }, () => request(() => false));
    for (const each of all) late.watch(each, core);
    jest.advanceTimersByTime(5_000);
    expect(all.map(({ looks }) => looks)).toEqual([...Array<number>(16).fill(5), 0]);
    late.watch(all[0]!, core);
    jest.advanceTimersByTime(60_000);
    expect([all[0]!.looks, all[1]!.looks]).toEqual([15, 10]);
  });
});
