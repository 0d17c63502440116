import { Controller, Get, Post } from '@nestjs/common';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { request } from 'node:http';
import { RequireSession, takeReturnTo } from 'nestjs-keycard';
import { z } from 'zod';
import { describeOnBoth as describe } from '../../support/adapters.js';
import { onBothAdapters } from '../../support/adapters.js';
import { Jar, startApp, type TestApp } from '../../support/app.js';
import { scripted } from '../../support/scripted.js';

const scripts = scripted({
  login: async (session) => {
    await session.login('7');
    return takeReturnTo(session, '/home');
  },
  set: (session, req) => void (session.returnTo = req.query.to),
  kept: (session) => String(session.returnTo),
});

@Controller('shop')
class ShopController {
  @Get(['*'])
  @RequireSession({ redirectTo: '/login', returnTo: true })
  page() {
    return 'inside';
  }
  @Post('order')
  @RequireSession({ redirectTo: '/login', returnTo: true })
  order() {
    return 'inside';
  }
}

const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

onBothAdapters(() => {
  describe('returnTo', () => {
    let server: TestApp;
    let jar: Jar;
    // fetch() says Sec-Fetch-Mode: cors, whatever it is told.
    const get = (path: string, { method = 'GET', headers = HTML as Record<string, string> } = {}): Promise<Response> =>
      new Promise((resolve, reject) => {
        const asked = request(
          `${server.url}${path}`,
          { method, headers: { ...headers, cookie: jar.header } },
          async (answer) => {
            const body = Buffer.concat((await answer.toArray()) as Buffer[]);
            const response = new Response(body.length === 0 ? null : body, {
              status: answer.statusCode!,
              headers: Object.entries(answer.headersDistinct).flatMap(([name, values]) =>
                values!.map((value): [string, string] => [name, value]),
              ),
            });
            jar.take(response);
            resolve(response);
          },
        );
        asked.on('error', reject).end();
      });
    const text = async (path: string) => (await get(path)).text();

    beforeEach(async () => {
      server = await startApp([scripts, ShopController]);
      jar = new Jar();
    });
    afterEach(() => server.close());

    it('brings a visitor back to the page that he asked for, once (#13.4)', async () => {
      const refused = await get('/shop/cart?page=2&q=a%2F%2Fb');
      expect([refused.status, refused.headers.get('location')]).toEqual([302, '/login']);
      expect(await text('/s/login')).toBe('/shop/cart?page=2&q=a%2F%2Fb');
      expect(await text('/s/login')).toBe('/home');
    });

    it.each([
      ['a POST', '/shop/order', { method: 'POST', headers: HTML }],
      ['a request for JSON', '/shop/cart', { headers: { accept: 'application/json' } }],
      ['a request for anything, as fetch() makes it', '/shop/cart', { headers: { accept: '*/*' } }],
      ['a fetch() for HTML', '/shop/cart', { headers: { ...HTML, 'sec-fetch-mode': 'cors' } }],
      ['a URL that could lead elsewhere', '/shop/%2F%2Fevil.example', { headers: HTML }],
      ['a URL that is too long', `/shop/${'a'.repeat(2_048)}`, { headers: HTML }],
    ])('keeps nothing, and sets no cookie, for %s (#13.4)', async (_, path, init) => {
      const answer = await get(path, init);
      expect([answer.headers.get('location'), jar.last]).toEqual(['/login', []]);
      expect(await text('/s/login')).toBe('/home');
    });

    it('keeps a page that was asked for by HEAD, or by a navigation (#13.4)', async () => {
      await get('/shop/a', { method: 'HEAD', headers: HTML });
      expect(await text('/s/kept')).toBe('/shop/a');
      await get('/shop/b', { headers: { ...HTML, 'sec-fetch-mode': 'navigate' } });
      expect(await text('/s/kept')).toBe('/shop/b');
    });

    it.each([
      '//evil.example',
      '///evil.example',
      '\\\\evil.example',
      '/\\evil.example',
      '\\/evil.example',
      '/\t/evil.example',
      '/\n/evil.example',
      '/a\r\nSet-Cookie: a=b',
      '/\0/evil.example',
      ' //evil.example',
      '/ /evil.example',
      '/%2Fevil.example',
      '/%2f%2fevil.example',
      '%2F%2Fevil.example',
      '/%5Cevil.example',
      '/%5c%5cevil.example',
      '/%252Fevil.example',
      '/%25252525252Fevil.example',
      '/%09/evil.example',
      '/%0d%0aSet-Cookie:%20a=b',
      '/%00/evil.example',
      '/.//evil.example',
      '/%2e//evil.example',
      '/a/..//evil.example',
      '/a/%2e%2e/%2Fevil.example',
      '/..',
      '/%E0%A4%A',
      '/\u2028/evil.example',
      '/\uFF0Fevil.example',
      'http://evil.example',
      'https:evil.example',
      'https:/evil.example',
      'HTTPS://evil.example/',
      'javascript:alert(1)',
      'data:text/html,hi',
      'evil.example',
      'shop/cart',
      '?a=b',
      '',
      '@evil.example',
      `/${'a'.repeat(2_048)}`,
      42,
      null,
      true,
      {},
      ['/a'],
      { toString: () => '/a' },
    ])('never gives a value that leads elsewhere: %j (#13.4, #16.2)', (hostile) => {
      const session = { returnTo: hostile, cart: 1 };
      expect([takeReturnTo(session, '/home'), session]).toEqual(['/home', { cart: 1 }]);
    });

    it.each([
      '/',
      '/a',
      '/a/b?c=d&e=//f#g',
      '/a?next=https://other.example/',
      '/search?q=%0Aline%20two',
      '/caf%C3%A9',
      '/a%20b',
      '/@ann',
      '/.well-known/x',
      '/a..b/...',
      '/a:b',
    ])('gives a path of this origin as it was: %s (#13.4, #16.2)', (path) => {
      expect(new URL(path, 'https://shop.example').origin).toBe('https://shop.example');
      expect(takeReturnTo({ returnTo: path }, '/home')).toBe(path);
      expect(takeReturnTo({})).toBe('/');
    });

    it('without redirectTo is refused where it is written (#13.4)', () => {
      expect(() => RequireSession({ returnTo: true })).toThrow(/without "redirectTo"/);
    });

    it('works with a schema, also a strict one that has no such key (#13.4)', async () => {
      for (const shape of [{ returnTo: z.string() }, { cart: z.string() }]) {
        await server.close();
        server = await startApp([scripts, ShopController], { schema: z.strictObject(shape) });
        jar = new Jar();
        expect((await get('/shop/cart')).status).toBe(302);
        expect(await text('/s/login')).toBe('/shop/cart');
      }
    });
  });
});
