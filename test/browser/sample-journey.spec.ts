import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrowserContext, Page, Route } from 'playwright-core';
import { describeWithBrowser, logIn, picture, sessionCookie } from '../support/browser/browser.js';
import { lowContrasts } from '../support/browser/contrast.js';
import { useSample } from '../support/sample.js';

const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1';

describeWithBrowser('the sample, in a browser', (browser) => {
  const running = useSample();
  let context: BrowserContext;
  let page: Page;
  beforeEach(async () => {
    context = await browser().newContext();
    page = await context.newPage();
  });
  afterEach(() => context.close());

  const go = (to: Page, path: string) => to.goto(running.sample.url + path);
  const press = (on: Page, name: string) => on.getByRole('button', { name, exact: true }).click();

  it('logs in, is remembered, logs out, and is anonymous again', async () => {
    await go(page, '/dashboard');
    await page.getByText('Please log in to see that page.').waitFor();
    expect(await context.cookies()).toEqual([]);
    await page.getByRole('button', { name: 'Fill in as Ada Lovelace' }).click();
    await press(page, 'Log in');
    await page.getByText('This is your first visit with this card.').waitFor();
    expect(await sessionCookie(context)).toMatchObject({
      httpOnly: true,
      secure: false,
      sameSite: 'Lax',
      path: '/',
      domain: 'localhost',
    });
    expect(await page.evaluate('document.cookie')).toBe('');
    await page.reload();
    await page.getByText('You have visited this page 2 times.').waitFor();
    await go(page, '/login');
    expect(page.url()).toBe(`${running.sample.url}/dashboard`);
    await press(page, 'Log out');
    await page.getByText('You are logged out. See you soon.').waitFor();
    expect(await context.cookies()).toEqual([]);
    await go(page, '/cart');
    await page.getByText('Please log in to see that page.').waitFor();
  });

  it('says so when the cookie was tampered with', async () => {
    await logIn(page, running.sample.url);
    const cookie = (await sessionCookie(context))!;
    await context.addCookies([
      { ...cookie, value: `${cookie.value.slice(0, -2)}${cookie.value.endsWith('AA') ? 'BB' : 'AA'}` },
    ]);
    await go(page, '/dashboard');
    await page.getByText('Your session has ended.').waitFor();
    await logIn(page, running.sample.url);
  });

  it('shows nothing private to the back button after a logout', async () => {
    await logIn(page, running.sample.url);
    await go(page, '/cart');
    await press(page, 'Log out');
    await page.getByText('You are logged out.').waitFor();
    for (let back = 0; back < 3; back += 1) {
      await page.goBack();
      await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
      expect(await page.content()).not.toMatch(/Good to see|Room service|data-session/);
    }
  });

  describe('two tabs at once', () => {
    it('both change the cart, at the same moment, and nothing is lost', async () => {
      await logIn(page, running.sample.url);
      const other = await context.newPage();
      const meet = barrier(2);
      for (const tab of [page, other]) {
        await go(tab, '/cart');
        await tab.route('**/cart/items', async (route: Route) => {
          // Each pair of changes reaches the server together.
          if (route.request().method() === 'POST') await meet.arrive();
          await route.continue();
        });
      }
      const tenTimes = async (tab: Page, item: string): Promise<void> => {
        for (let count = 0; count < 10; count += 1) {
          const answer = tab.waitForResponse((each) => each.request().method() === 'POST');
          // By key: for a click the tab would have to be drawn, which a browser does slowly for one in the background.
          await tab.getByRole('button', { name: `One ${item} more` }).press('Enter');
          await answer;
        }
      };
      await Promise.all([tenTimes(page, 'Pot of coffee'), tenTimes(other, 'Butter croissant')]);
      expect(meet.meetings).toBe(10);
      for (const tab of [page, other]) {
        await tab.locator('[data-total-count]', { hasText: /^20$/ }).waitFor();
        await tab.reload();
        expect(await tab.locator('[data-sku="coffee"] [data-count]').innerText()).toBe('10');
        expect(await tab.locator('[data-sku="croissant"] [data-count]').innerText()).toBe('10');
      }
    });

    it('both are at the login page after one has logged out', async () => {
      await logIn(page, running.sample.url);
      const other = await context.newPage();
      await go(other, '/cart');
      await press(page, 'Log out');
      await other.getByRole('heading', { name: 'Welcome back' }).waitFor();
    });
  });

  describe('two devices', () => {
    let phone: BrowserContext;
    let handset: Page;
    beforeEach(async () => {
      phone = await browser().newContext({ userAgent: IPHONE });
      handset = await phone.newPage();
      await logIn(page, running.sample.url, 'grace', 'nanosecond of wire');
      await logIn(handset, running.sample.url, 'grace', 'nanosecond of wire');
      await go(page, '/devices');
    });
    afterEach(async () => {
      await go(page, '/devices');
      if (page.url().endsWith('/devices')) await press(page, 'Log out everywhere');
      await phone.close();
    });

    it('know each other, and one logs the other out', async () => {
      expect(await page.locator('[data-device="this"]').innerText()).toMatch(/Chrome on Linux\s+This device/i);
      const other = page.locator('[data-device="other"]').filter({ hasText: 'Safari on iPhone' });
      await other.getByRole('button').click();
      await page.getByText('That device is logged out.').waitFor();
      await page.waitForLoadState();
      expect(await page.locator('[data-device]').count()).toBe(1);
      await handset.getByText('Your session has ended.').waitFor();
      await go(page, '/cart');
      expect(page.url()).toBe(`${running.sample.url}/cart`);
    });

    it('one logs out all others and stays', async () => {
      await press(page, 'Log out all other devices');
      await page.getByText('All other devices are logged out.').waitFor();
      await page.waitForLoadState();
      expect(await page.getByRole('button', { name: 'Log out all other devices' }).isDisabled()).toBe(true);
      await handset.getByText('Your session has ended.').waitFor();
    });

    it('one logs out everywhere', async () => {
      await press(page, 'Log out everywhere');
      await page.getByText('You are logged out on every device.').waitFor();
      await handset.getByText('Your session has ended.').waitFor();
    });
  });

  describe('the end of a session', () => {
    it('is counted down, said aloud, and put off by a button, in every tab', async () => {
      await context.clock.install();
      await logIn(page, running.sample.url);
      const other = await context.newPage();
      await go(other, '/cart');
      const bar = page.getByRole('region', { name: 'Session' });
      const timer = bar.getByRole('timer');
      // Nobody is told before the last five minutes (#16.5).
      await page.waitForLoadState();
      expect(await bar.isVisible()).toBe(false);
      await context.clock.fastForward('24:50');
      expect(await bar.isVisible()).toBe(false);
      await context.clock.fastForward('00:20');
      await bar.waitFor();
      expect(await timer.innerText()).toMatch(/^4:[45]\d$/);
      await context.clock.fastForward('04:05');
      await other.getByText('Are you still there?').waitFor();
      await bar
        .getByRole('alert')
        .filter({ hasText: /^Your session ends in [34]\d seconds\.$/ })
        .waitFor();
      expect(await timer.innerText()).toMatch(/^0:[34]\d$/);
      expect(await lowContrasts(page)).toEqual([]);
      await picture(page, 'session-about-to-expire-light');
      await page.emulateMedia({ colorScheme: 'dark' });
      expect(await lowContrasts(page)).toEqual([]);
      await picture(page, 'session-about-to-expire-dark');
      await press(page, 'Stay logged in');
      for (const tab of [page, other]) await tab.locator('[data-expires-in]').waitFor({ state: 'hidden' });
      expect(await page.locator('[data-countdown-alert]').textContent()).toBe('');
    });

    it('comes by itself: a page that was left alone goes to the login page and says why', async () => {
      const short = await running.clone.start({ SESSION_IDLE: '8s' });
      try {
        await logIn(page, short.url);
        await press(page, 'Stay logged in');
        await page.getByText('Your session has ended.').waitFor({ timeout: 25_000 });
        await page.goto(`${short.url}/dashboard`);
        await page.getByText('Your session has ended.').waitFor();
      } finally {
        await short.stop();
      }
    }, 60_000);
  });

  it('says so where the app can not be reached, loses nothing, and continues', async () => {
    await logIn(page, running.sample.url);
    await go(page, '/cart');
    await press(page, 'One Pot of coffee more');
    await page.locator('[data-total-count]', { hasText: /^1$/ }).waitFor();
    await context.setOffline(true);
    await Promise.all([page.waitForEvent('requestfailed'), press(page, 'One Pot of coffee more')]);
    await page.getByText('That did not work. Please try again in a moment.').waitFor();
    await context.setOffline(false);
    await press(page, 'One Pot of coffee more');
    await page.locator('[data-total-count]', { hasText: /^2$/ }).waitFor();
    expect(await page.locator('[data-problem]').innerText()).toBe('');
  });

  describe("another site's form", () => {
    let evil: Server;
    beforeAll(async () => {
      evil = createServer((_req, res) => {
        res.setHeader('Content-Type', 'text/html');
        res.end(
          `<form method="post" action="${running.sample.url}/devices/logout-everywhere"><button>Win a prize</button></form>`,
        );
      });
      await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
    });
    afterAll(() => new Promise((resolve) => evil.close(resolve)));

    it('does nothing, and says so', async () => {
      await logIn(page, running.sample.url);
      const before = await sessionCookie(context);
      // Another site than localhost, to a browser.
      await page.goto(`http://127.0.0.1:${(evil.address() as AddressInfo).port}`);
      await press(page, 'Win a prize');
      await page.getByText('This form was sent from another site, so nothing was done.').waitFor();
      expect((await sessionCookie(context))?.value).toBe(before?.value);
      await go(page, '/dashboard');
      expect(page.url()).toBe(`${running.sample.url}/dashboard`);
    });
  });

  it('can be used with the keyboard alone', async () => {
    const focused = (): Promise<string> =>
      page.evaluate(
        '(document.activeElement.getAttribute("aria-label") || document.activeElement.textContent).trim().replace(/\\s+/g, " ")',
      );
    const hasRing = (): Promise<boolean> =>
      page.evaluate('getComputedStyle(document.activeElement).outlineStyle === "solid"');
    const tabTo = async (name: string): Promise<void> => {
      for (let steps = 0; (await focused()) !== name; steps += 1) {
        if (steps > 40) throw new Error(`Tab never reaches "${name}".`);
        await page.keyboard.press('Tab');
        expect(await hasRing()).toBe(true);
      }
    };
    await go(page, '/login');
    await page.locator('#name:focus').waitFor();
    await page.keyboard.type('alan'); // the field has the focus from the start
    await page.keyboard.press('Tab');
    await page.keyboard.type('paper tape machine');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/dashboard');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    expect(await focused()).toContain('Room service');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/cart');
    await tabTo('One Pot of coffee more');
    await page.keyboard.press('Space');
    await page.getByText('Pot of coffee: 1. 1 items').waitFor({ state: 'attached' });
    expect(await focused()).toBe('One Pot of coffee more');
    await go(page, '/cart');
    await tabTo('Log out');
    await page.keyboard.press('Enter');
    await page.getByText('You are logged out.').waitFor();
  });

  it('works without scripts', async () => {
    const plain = await browser().newContext({ javaScriptEnabled: false });
    try {
      const tab = await plain.newPage();
      await logIn(tab, running.sample.url, 'alan', 'paper tape machine');
      await go(tab, '/cart');
      await press(tab, 'One Butter croissant more');
      expect(await tab.locator('[data-total-count]').innerText()).toBe('1');
      await press(tab, 'Stay logged in');
      await tab.getByText('Your session has been extended.').waitFor();
      await press(tab, 'Log out');
      await tab.getByText('You are logged out. See you soon.').waitFor();
    } finally {
      await plain.close();
    }
  });
});

/** Lets those who arrive go on when so many are there. */
function barrier(size: number): { arrive(): Promise<void>; readonly meetings: number } {
  let waiting: (() => void)[] = [];
  let meetings = 0;
  return {
    arrive: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        if (waiting.length < size) return;
        meetings += 1;
        for (const go of waiting) go();
        waiting = [];
      }),
    get meetings() {
      return meetings;
    },
  };
}
