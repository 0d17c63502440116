import { describe, expect, it } from '@jest/globals';
import { readCookie } from '../../../lib/cookie/cookie-header.js';

describe('readCookie', () => {
  it.each([
    ['alone', 'sid=v', 'v'],
    ['among others', 'a=1; sid=v; b=2', 'v'],
    ['without a blank between pairs', 'a=1;sid=v;b=2', 'v'],
    ['with blanks around it', 'a=1 ;  sid = v ; b', 'v'],
    ['with tabs', 'a=1;\tsid\t=\tv\t', 'v'],
    ['in double quotes', 'sid="v"', 'v'],
    ['percent-encoded', 'sid=s%3Av%2Fw', 's:v/w'],
    ['with an equals sign in it', 'sid=a=b==', 'a=b=='],
    ['with a malformed escape: as it stands', 'sid=v%E0%A4%A', 'v%E0%A4%A'],
    ['empty', 'sid=', ''],
    ['twice: the first', 'sid=one; sid=two', 'one'],
    ['twice, the first of them bad: still the first', 'sid=; sid=two', ''],
  ])('finds a cookie %s', (_, header, value) => {
    expect(readCookie(header, 'sid')).toBe(value);
  });

  it.each([
    ['a name that ends with it', 'xsid=v'],
    ['a name that begins with it', 'sidx=v'],
    ['another case', 'SID=v; Sid=v'],
    ['a value that holds it', 'a=sid=v'],
    ['a quoted value that holds it', 'a="x sid=v"'],
    ['a name without a value', 'sid; a=b'],
    ['nothing', ''],
    ['blanks', ' ; ;; '],
  ])('finds none in %s', (_, header) => {
    expect(readCookie(header, 'sid')).toBeUndefined();
  });

  it('finds a name that is special in a regular expression', () => {
    expect(readCookie('connectxsid=a; connect.sid=b', 'connect.sid')).toBe('b');
    expect(readCookie('a=1; $+*^=v', '$+*^')).toBe('v');
  });

  it('gives nothing for a value longer than any of ours, and takes no more than linear time for a long header', () => {
    expect(readCookie(`sid=${'x'.repeat(1_025)}`, 'sid')).toBeUndefined();
    const started = performance.now();
    expect(readCookie(`${' sid'.repeat(200_000)}`, 'sid')).toBeUndefined();
    expect(readCookie(`a=${' '.repeat(1_000_000)}sid=v`, 'sid')).toBeUndefined();
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
