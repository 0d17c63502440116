import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Header, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Session, type SessionModuleOptions } from 'nestjs-keycard';
import type { BrowserContext, Page } from 'playwright-core';
import { describeWithBrowser, sessionCookie } from '../support/browser/browser.js';
import { makeCertificate, startTlsApp, type TlsApp } from '../support/browser/tls-app.js';

/** Counts, and serves what other sites serve too: by the name in the address it is many sites. */
@Controller()
class SitesController {
  @Get('count')
  @Header('Content-Type', 'text/html')
  count(@Session() session: Session): string {
    const kept = session as unknown as { views?: number };
    kept.views = (kept.views ?? 0) + 1;
    return `<p id="views">${kept.views}</p>`;
  }

  @Post('count')
  @Header('Content-Type', 'text/html')
  countByForm(@Session() session: Session): string {
    return this.count(session);
  }

  /** A page whose form posts to the address given. */
  @Get('form')
  @Header('Content-Type', 'text/html')
  form(@Query('to') to: string): string {
    return `<form method="post" action="${to}"><button>Send</button></form> <a href="${to}">Go</a>`;
  }

  @Get('frame')
  @Header('Content-Type', 'text/html')
  frame(@Query('of') of: string): string {
    return `<iframe src="${of}"></iframe>`;
  }

  /** What a subdomain that has been taken over does: a cookie for the whole domain. */
  @Get('toss')
  toss(@Req() req: Request, @Query('name') name: string, @Res() res: Response): void {
    const domain = req.hostname.split('.').slice(-2).join('.');
    res.setHeader('Set-Cookie', `${name}=tossed; Domain=${domain}; Path=/; Secure`);
    res.send('tossed');
  }
}

const views = async (page: Page): Promise<string> => page.locator('#views').innerText();
const viewsInFrame = async (page: Page): Promise<string> => page.frameLocator('iframe').locator('#views').innerText();

describeWithBrowser(
  'the cookie as a browser sees it, over TLS',
  (browser) => {
    let certificate: { key: Buffer; cert: Buffer };
    let app: TlsApp;
    let context: BrowserContext;
    let page: Page;
    beforeAll(async () => {
      certificate = await makeCertificate();
    });
    afterEach(async () => {
      await context?.close();
      await app?.close();
    });
    const start = async (options: Partial<SessionModuleOptions>): Promise<void> => {
      app = await startTlsApp(SitesController, options, certificate);
      context = await browser().newContext({ ignoreHTTPSErrors: true });
      page = await context.newPage();
    };
    const at = (host: string, path: string): string => `https://${host}:${app.port}${path}`;
    const open = async (host: string, path: string): Promise<Page> => {
      await page.goto(at(host, path));
      return page;
    };

    it('is out of reach of scripts, for this host alone, and Secure without being told', async () => {
      await start({});
      await open('inn.test', '/count');
      expect(await page.evaluate('document.cookie')).toBe('');
      expect(await page.evaluate('cookieStore.getAll()')).toEqual([]);
      expect(await sessionCookie(context)).toMatchObject({
        httpOnly: true,
        secure: true,
        sameSite: 'Lax',
        path: '/',
        domain: 'inn.test',
        expires: -1,
      });
      expect(await views(await open('inn.test', '/count'))).toBe('2');
      expect(await views(await open('sub.inn.test', '/count'))).toBe('1');
    });

    it("comes with another site's link, and not with another site's form", async () => {
      await start({ cookie: { sameSite: 'lax' } });
      await open('inn.test', '/count');
      await open('evil.test', `/form?to=${at('inn.test', '/count')}`);
      await page.getByText('Go').click();
      expect(await views(page)).toBe('2');
      await open('evil.test', `/form?to=${at('inn.test', '/count')}`);
      await page.getByText('Send').click();
      expect(await views(page)).toBe('1');
    });

    it("comes with no other site's link where sameSite is strict", async () => {
      await start({ cookie: { sameSite: 'strict' } });
      await open('inn.test', '/count');
      await open('evil.test', `/form?to=${at('inn.test', '/count')}`);
      await page.getByText('Go').click();
      expect(await views(page)).toBe('1');
    });

    describe('with a name that begins with __Host-', () => {
      const name = '__Host-sid';

      it('is taken, sent back, and cannot be replaced from a subdomain', async () => {
        await start({ name, cookie: { secure: true } });
        expect(await views(await open('inn.test', '/count'))).toBe('1');
        expect(await sessionCookie(context, name)).toMatchObject({
          httpOnly: true,
          secure: true,
          path: '/',
          domain: 'inn.test',
        });
        await open('sub.inn.test', `/toss?name=${name}`);
        expect((await context.cookies(at('inn.test', '/'))).map(({ value }) => value)).not.toContain('tossed');
        expect(await views(await open('inn.test', '/count'))).toBe('2');
      });

      it('has what a plain name lacks: there a subdomain does plant a cookie beside it', async () => {
        await start({ cookie: { secure: true } });
        await open('inn.test', '/count');
        await open('sub.inn.test', '/toss?name=sid');
        expect((await context.cookies(at('inn.test', '/'))).map(({ value }) => value)).toContain('tossed');
        // The session is found all the same: a good cookie counts whatever is planted beside it.
        expect(await views(await open('inn.test', '/count'))).toBe('2');
      });
    });

    describe('in a frame of another site', () => {
      const options = (partitioned: boolean): Partial<SessionModuleOptions> => ({
        name: '__Host-sid',
        cookie: { secure: true, sameSite: 'none', partitioned },
      });
      const framedIn = async (host: string): Promise<string> =>
        viewsInFrame(await open(host, `/frame?of=${at('inn.test', '/count')}`));

      it('has a jar of its own in each site that frames it, where it is Partitioned', async () => {
        await start(options(true));
        expect([await framedIn('one.test'), await framedIn('one.test'), await framedIn('two.test')]).toEqual([
          '1',
          '2',
          '1',
        ]);
        const keys = (await context.cookies()).map(({ partitionKey }) => partitionKey);
        expect(new Set(keys)).toEqual(new Set(['https://one.test', 'https://two.test']));
      });

      it('is one for all of them or for none, as the browser takes third-party cookies, where it is not', async () => {
        await start(options(false));
        const seen = [await framedIn('one.test'), await framedIn('one.test'), await framedIn('two.test')];
        expect([
          ['1', '2', '3'],
          ['1', '1', '1'],
        ]).toContainEqual(seen);
      });

      it('is not sent at all, where it is Lax', async () => {
        await start({ cookie: { sameSite: 'lax' } });
        expect([await framedIn('one.test'), await framedIn('one.test')]).toEqual(['1', '1']);
      });
    });
  },
  ['--host-resolver-rules=MAP *.test 127.0.0.1'],
);
