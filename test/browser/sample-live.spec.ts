import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { describeWithBrowser, logIn } from '../support/browser/browser.js';
import { useSample } from '../support/sample.js';

describeWithBrowser('what the sample shows by itself (#16.5)', (browser) => {
  const running = useSample({ SESSION_STORE: 'memory' });
  let context: BrowserContext;
  let page: Page;
  beforeEach(async () => {
    context = await browser().newContext();
    page = await context.newPage();
  });
  afterEach(() => context.close());

  it('a first visit is shown the login page, and is not scolded', async () => {
    await page.goto(running.sample.url);
    expect(page.url()).toBe(`${running.sample.url}/login`);
    expect(await page.locator('.notice').count()).toBe(0);
  });

  it("a device's page leaves by itself when it is logged out elsewhere, and a list of devices follows", async () => {
    const other = await browser().newContext();
    try {
      const handset = await other.newPage();
      await logIn(page, running.sample.url, 'grace', 'nanosecond of wire');
      await page.goto(`${running.sample.url}/devices`);
      await page.locator('[data-device]').nth(0).waitFor();
      // The list learns of the second device without being loaded again.
      await logIn(handset, running.sample.url, 'grace', 'nanosecond of wire');
      await page.locator('[data-device="other"]').waitFor();
      await handset.goto(`${running.sample.url}/cart`);
      await page.locator('[data-device="other"]').getByRole('button').click();
      await page.getByText('That device is logged out.').waitFor();
      await handset.getByText('Your session has ended. It expired, or was logged out from another device.').waitFor();
      // The page takes the notice out of its address once its script runs.
      await handset.waitForURL(`${running.sample.url}/login`);
    } finally {
      await other.close();
    }
  });

  it('the lab runs without being asked: nothing is lost and the logout holds here, and neither does there', async () => {
    await page.goto(`${running.sample.url}/lab`);
    const [ours, theirs] = ['keycard', 'express-session'].map((name) => page.locator(`[data-pane="${name}"]`));
    await ours!.locator('[data-record]', { hasText: '"__keycard"' }).waitFor();
    await ours!.getByText('20 of 20. Nothing was lost.').waitFor();
    await ours!.getByText('Still logged out. The record is gone.').waitFor();
    await theirs!.getByText(/^1?\d of 20\. The others were overwritten\.$/).waitFor();
    await theirs!.getByText('Ada is logged in again: the record is back.').waitFor();
    expect(await ours!.locator('[data-record]').innerText()).toBe('none');
    expect(await theirs!.locator('[data-record]').innerText()).toContain('"report": "made"');
    await page.getByRole('button', { name: 'Run both again' }).click();
    await ours!.getByText('Sending 20 requests …').waitFor();
    await ours!.getByText('Still logged out. The record is gone.').waitFor();
  });

  it('each page links to its code, and to no other file', async () => {
    const linked = async (path: string): Promise<string> => {
      await page.goto(running.sample.url + path);
      const link = await page.getByRole('link', { name: 'Code of this page' }).getAttribute('href');
      return (await fetch(running.sample.url + link)).text();
    };
    expect(await linked('/login')).toContain('class AuthController');
    expect(await linked('/lab')).toContain('expressSession');
    await logIn(page, running.sample.url);
    expect(await linked('/dashboard')).toContain('class DashboardController');
    expect(await linked('/cart')).toContain('class CartController');
    expect(await linked('/devices')).toContain('class DevicesController');
    expect(await linked('/confirm')).toContain('class ConfirmController');
    for (const path of ['nothing', '..%2Fpackage.json', 'constructor', '__proto__'])
      expect([path, (await fetch(`${running.sample.url}/code/${path}`)).status]).toEqual([path, 404]);
  });

  it('passwords of the guests stay in one line on a phone', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(`${running.sample.url}/login`);
    for (const chip of await page.locator('.guests code').all())
      expect(await chip.evaluate((element) => element.getClientRects().length)).toBe(1);
  });
});
