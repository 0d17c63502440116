import type { AbstractHttpAdapter } from '@nestjs/core';
import { afterEach, expect, it } from '@jest/globals';
import { request } from 'node:http';
import type { SessionModuleOptions } from 'nestjs-keycard';
import { describeOnBoth as describe, newAdapter } from '../../support/adapters.js';
import { startApp, type TestApp } from '../../support/app.js';
import { scripted } from '../../support/scripted.js';

const controller = scripted({
  change: (session) => void (session.views = 1),
  destroy: (session) => session.destroy(),
  login: (session) => session.login('7'),
  look: (session) => ({ ...session }),
  none: (session) => {
    session.cookie.sameSite = 'none';
    session.views = 1;
  },
});
const trust = () => newAdapter('loopback');

describe('Secure', () => {
  let server: TestApp;
  let warnings: string[];
  const start = async (
    options: Partial<SessionModuleOptions> = {},
    adapter?: () => AbstractHttpAdapter,
  ): Promise<void> => {
    warnings = [];
    server = await startApp(
      [controller],
      { logger: { warn: (message) => void warnings.push(message), error: () => undefined }, ...options },
      adapter === undefined ? {} : { adapter: adapter() },
    );
  };
  const attributes = async (headers: Record<string, string> = {}): Promise<string | undefined> => {
    const [cookie] = (await fetch(`${server.url}/s/change`, { headers })).headers.getSetCookie();
    return cookie?.slice(cookie.indexOf(';') + 2);
  };
  const HTTPS = { 'x-forwarded-proto': 'https' };
  afterEach(() => server.close());

  it('auto follows the request: plain http has none', async () => {
    await start();
    expect(await attributes()).toBe('Path=/; HttpOnly; SameSite=Lax');
    expect(warnings).toEqual([]);
  });

  it("auto follows the framework's trust proxy", async () => {
    await start({}, trust);
    expect(await attributes(HTTPS)).toBe('Path=/; HttpOnly; Secure; SameSite=Lax');
    expect(await attributes({ 'x-forwarded-proto': 'http' })).toBe('Path=/; HttpOnly; SameSite=Lax');
    expect(warnings).toEqual([]);
  });

  it('auto believes no header of a proxy that nobody trusts, and warns once', async () => {
    await start();
    for (let n = 0; n < 3; n += 1) expect(await attributes(HTTPS)).toBe('Path=/; HttpOnly; SameSite=Lax');
    expect(warnings).toEqual([expect.stringContaining('no proxy is trusted')]);
  });

  it('auto follows the option proxy if that is given', async () => {
    await start({ proxy: true });
    expect(await attributes(HTTPS)).toContain('Secure');
    expect(await attributes({ 'x-forwarded-proto': 'https, http' })).toContain('Secure');
    expect(await attributes({ 'x-forwarded-proto': 'http, https' })).not.toContain('Secure');
    await server.close();
    await start({ proxy: false }, trust);
    expect(await attributes(HTTPS)).not.toContain('Secure');
  });

  it('true sends no cookie over plain http, and warns once', async () => {
    await start({ cookie: { secure: true } });
    for (let n = 0; n < 3; n += 1) expect(await attributes()).toBeUndefined();
    expect(warnings).toEqual([expect.stringMatching(/over plain http.*In development .*'auto'/)]);
    expect((await fetch(`${server.url}/s/destroy`)).headers.getSetCookie()).toEqual([]);
  });

  it('false sends the cookie over https without it', async () => {
    await start({ cookie: { secure: false } }, trust);
    expect(await attributes(HTTPS)).toBe('Path=/; HttpOnly; SameSite=Lax');
  });

  it('comes with SameSite=None by sameSite: auto on https, and Lax else', async () => {
    await start({ cookie: { sameSite: 'auto' } }, trust);
    expect([await attributes(HTTPS), await attributes()]).toEqual([
      'Path=/; HttpOnly; Secure; SameSite=None',
      'Path=/; HttpOnly; SameSite=Lax',
    ]);
  });

  it('and the other attributes may be decided by a function, for each request', async () => {
    await start({
      cookie: (req) => ({
        secure: false,
        sameSite: req.headers['x-embedded'] === undefined ? 'lax' : 'strict',
        maxAge: '1h',
      }),
    });
    expect(await attributes()).toMatch(/^Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/);
    expect(await attributes({ 'x-embedded': '1' })).toMatch(/SameSite=Strict$/);
  });
});

describe('a cookie that a browser refuses', () => {
  let server: TestApp;
  let warnings: string[];
  const start = async (cookie: SessionModuleOptions['cookie']): Promise<void> => {
    warnings = [];
    const logger = { warn: (message: string) => void warnings.push(message), error: () => undefined };
    server = await startApp([controller], { logger, cookie, proxy: true });
  };
  const change = (headers: Record<string, string>, route = 'change') =>
    new Promise<number>((resolve, reject) => {
      // fetch() has a Sec-Fetch-Mode of its own.
      const asked = request(`${server.url}/s/${route}`, { headers }, (answer) => {
        answer.resume();
        resolve(answer.headers['set-cookie']?.length ?? 0);
      });
      asked.on('error', reject).end();
    });
  const HTTPS = { 'x-forwarded-proto': 'https' };
  const CROSS = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors', origin: 'https://shop.example' };
  afterEach(() => server.close());

  it("sameSite: 'none' over plain http is logged once (#13.11)", async () => {
    await start({ sameSite: 'none' });
    expect([await change(HTTPS), warnings]).toEqual([1, []]);
    for (let n = 0; n < 2; n += 1) expect(await change({})).toBe(1);
    expect(warnings).toEqual([expect.stringMatching(/SameSite=None and was sent without Secure.*sameSite: 'auto'/)]);
  });

  it("sameSite: 'none' that one session was given is said too (#13.11)", async () => {
    await start({});
    await change({}, 'none');
    expect(warnings).toEqual([expect.stringMatching(/SameSite=None and was sent without Secure/)]);
  });

  it.each(['lax', 'strict', false] as const)(
    'a login from another site with sameSite: %j is logged once, with the remedy (#13.11)',
    async (sameSite) => {
      await start({ sameSite });
      for (let n = 0; n < 2; n += 1) expect(await change({ ...HTTPS, ...CROSS }, 'login')).toBe(1);
      expect(warnings).toEqual([
        expect.stringMatching(
          /another site \("https:\/\/shop\.example"\).*cookie: { sameSite: 'none', secure: true } and allow/,
        ),
      ]);
    },
  );

  it.each([
    ["sameSite: 'none' over https", { sameSite: 'none' }, { ...HTTPS, ...CROSS }, 'login'],
    ['the same site', {}, { ...HTTPS, ...CROSS, 'sec-fetch-site': 'same-site' }, 'login'],
    [
      'a form or link of another site',
      {},
      { ...CROSS, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
      'login',
    ],
    ['a browser that says nothing', {}, { origin: 'https://shop.example' }, 'login'],
    ['no cookie that is set', {}, CROSS, 'look'],
  ] as const)('nothing is said of %s (#13.11)', async (_, cookie, headers, route) => {
    await start(cookie);
    await change(headers, route);
    expect(warnings).toEqual([]);
  });

  it('an embedded page of another site is said too (#13.11)', async () => {
    await start({});
    await change({ ...CROSS, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }, 'login');
    expect(warnings).toEqual([expect.stringMatching(/another site/)]);
  });
});
