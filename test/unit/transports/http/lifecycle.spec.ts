import { describe, expect, it } from '@jest/globals';
import { isUnderPath } from '../../../../lib/transports/http/lifecycle.js';

describe('isUnderPath() (RFC 6265bis 5.1.4)', () => {
  it.each([
    ['/', '/anything', true],
    [undefined, '/anything', true],
    ['/app', '/app', true],
    ['/app', '/app/', true],
    ['/app', '/app/x', true],
    ['/app', '/app?x=1', true],
    ['/app', '/apple', false],
    ['/app', '/', false],
    ['/app/', '/app/x', true],
    ['/app', 'http://example.com/app/x', true],
    ['/app', 'http://example.com/other', false],
  ])('%j and %j', (path, url, expected) => expect(isUnderPath(path, url)).toBe(expected));
});
