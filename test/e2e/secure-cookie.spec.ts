import type { INestApplication } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { SessionModuleOptions } from 'nestjs-keycard';
import { startApp, type TestApp } from '../support/app.js';
import { scripted } from '../support/scripted.js';

const controller = scripted({
  change: (session) => void (session.views = 1),
  destroy: (session) => session.destroy(),
});
const trust = (app: INestApplication): unknown =>
  (app.getHttpAdapter().getInstance() as { set(name: string, value: unknown): unknown }).set('trust proxy', 'loopback');

describe('Secure', () => {
  let server: TestApp;
  let warnings: string[];
  const start = async (
    options: Partial<SessionModuleOptions> = {},
    before?: (app: INestApplication) => void,
  ): Promise<void> => {
    warnings = [];
    server = await startApp(
      [controller],
      { logger: { warn: (message) => void warnings.push(message), error: () => undefined }, ...options },
      before === undefined ? {} : { before },
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

  it('auto believes no header of a proxy that nobody trusts, and says so once', async () => {
    await start();
    for (let n = 0; n < 3; n += 1) expect(await attributes(HTTPS)).toBe('Path=/; HttpOnly; SameSite=Lax');
    expect(warnings).toEqual([expect.stringContaining('no proxy is trusted')]);
  });

  it('auto goes by the option proxy where that is given', async () => {
    await start({ proxy: true });
    expect(await attributes(HTTPS)).toContain('Secure');
    expect(await attributes({ 'x-forwarded-proto': 'https, http' })).toContain('Secure');
    expect(await attributes({ 'x-forwarded-proto': 'http, https' })).not.toContain('Secure');
    await server.close();
    await start({ proxy: false }, trust);
    expect(await attributes(HTTPS)).not.toContain('Secure');
  });

  it('true sends no cookie over plain http, and says so once', async () => {
    await start({ cookie: { secure: true } });
    for (let n = 0; n < 3; n += 1) expect(await attributes()).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('over plain http')]);
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
