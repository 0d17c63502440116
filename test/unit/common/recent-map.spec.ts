import { describe, expect, it } from '@jest/globals';
import { RecentMap } from '../../../lib/common/recent-map.js';

describe('RecentMap', () => {
  it('remembers at least its size of the latest entries, and at most twice as many (#14.5)', () => {
    const map = new RecentMap<number>(3);
    for (let n = 1; n <= 10; n += 1) map.set(`key ${n}`, n);
    const known = Array.from({ length: 10 }, (_, at) => map.get(`key ${at + 1}`));
    expect(known.slice(-3)).toEqual([8, 9, 10]);
    expect(known.filter((value) => value !== undefined).length).toBeLessThanOrEqual(6);
    expect(map.get('key 1')).toBeUndefined();
  });
});
