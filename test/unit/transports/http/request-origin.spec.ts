import type { IncomingMessage } from 'node:http';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { SessionOptions } from '../../../../lib/options/options.js';
import { resolveOptions } from '../../../../lib/options/resolve-options.js';
import { Notices } from '../../../../lib/record/notices.js';
import {
  bindingOf,
  deviceOfRequest,
  isPreflight,
  isSecureRequest,
  newIdFor,
} from '../../../../lib/transports/http/request-origin.js';
import type { RequestServices } from '../../../../lib/transports/http/request-services.js';

let warnings: string[];
const logger = { warn: (text: string) => warnings.push(text), error: () => undefined };
const services = (options: Partial<SessionOptions> = {}): RequestServices => {
  const made: Pick<RequestServices, 'options' | 'notices'> = {
    options: resolveOptions({ secret: 'x'.repeat(32), logger, ...options }),
    notices: new Notices(logger),
  };
  return made as RequestServices;
};
const request = (headers: Record<string, string> = {}, encrypted = false, method = 'GET'): IncomingMessage =>
  ({ headers, method, socket: { encrypted } }) as unknown as IncomingMessage;
/** What Express and middie add, with their trust-proxy setting applied. */
const framework = (req: IncomingMessage, secure: boolean, ip?: string) => Object.assign(req, { secure, ip });
const HTTPS = { 'x-forwarded-proto': 'https' };

beforeEach(() => {
  warnings = [];
});

describe('isSecureRequest()', () => {
  it.each<[string, Partial<SessionOptions>, IncomingMessage, boolean, boolean]>([
    ['the framework decides by default', {}, request(), true, true],
    ['proxy: true believes the header', { proxy: true }, request({ 'x-forwarded-proto': 'HTTPS, http' }), false, true],
    ['proxy: true believes the connection too', { proxy: true }, request({}, true), false, true],
    [
      'proxy: true believes only the first proxy',
      { proxy: true },
      request({ 'x-forwarded-proto': 'http, https' }),
      false,
      false,
    ],
    ['proxy: false looks only at the connection', { proxy: false }, request(HTTPS), true, false],
    ['proxy: false, over TLS', { proxy: false }, request({}, true), false, true],
  ])('%s', (_, options, req, byFramework, expected) =>
    expect(isSecureRequest(services(options), framework(req, byFramework))).toBe(expected),
  );

  it.each<[string, Partial<SessionOptions>, number]>([
    ['warns once if secure is auto and no proxy is trusted', {}, 1],
    ['does not warn if secure is no matter of the proxy', { cookie: { secure: true } }, 0],
  ])('%s', (_, options, count) => {
    const own = services(options);
    for (let n = 0; n < 2; n += 1) isSecureRequest(own, framework(request(HTTPS), false));
    expect(warnings).toHaveLength(count);
  });
});

describe('newIdFor()', () => {
  it.each<[unknown, string]>([
    ['ü', 'a string that is not 1 to 256 visible ASCII characters'],
    ['', 'a string that is not'],
    [7, '"genid" returned 7'],
  ])('refuses the id %p', (id, says) =>
    expect(() => newIdFor(services({ genid: () => id as string }), undefined)).toThrow(says),
  );
  it('takes the id of genid', () => expect(newIdFor(services({ genid: () => 'own-id' }), undefined)).toBe('own-id'));
});

it('deviceOfRequest() cuts what a client may make long', () => {
  const long = framework(request({ 'user-agent': 'u'.repeat(300) }), false, 'i'.repeat(70));
  expect(deviceOfRequest(long)).toEqual({
    userAgent: 'u'.repeat(256),
    ip: 'i'.repeat(64),
  });
  expect(deviceOfRequest(request())).toEqual({ userAgent: undefined, ip: undefined });
});

it('bindingOf() is another for each User-Agent', () => {
  const [one, two, none] = [{ 'user-agent': 'a' }, { 'user-agent': 'b' }, {}].map((each) => bindingOf(request(each)));
  expect(new Set([one, two, none]).size).toBe(3);
  expect(one).toMatch(/^.{22}$/);
});

it.each([
  ['OPTIONS', { 'access-control-request-method': 'POST' }, true],
  ['OPTIONS', {}, false],
  ['GET', { 'access-control-request-method': 'POST' }, false],
])('isPreflight() of %s %j', (method, headers, expected) =>
  expect(isPreflight(request(headers as Record<string, string>, false, method))).toBe(expected),
);
