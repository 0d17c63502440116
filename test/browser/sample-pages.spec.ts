import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { describeWithBrowser, logIn, noteErrors, picture } from '../support/browser/browser.js';
import { lowContrasts } from '../support/browser/contrast.js';
import { useSample } from '../support/sample.js';

const LOOKS = [
  { colorScheme: 'light', viewport: { width: 1180, height: 820 }, name: 'light' },
  { colorScheme: 'dark', viewport: { width: 1180, height: 820 }, name: 'dark' },
  { colorScheme: 'light', viewport: { width: 390, height: 844 }, name: 'phone' },
] as const;

describeWithBrowser('the pages of the sample', (browser) => {
  const running = useSample();

  it.each(LOOKS)(
    'look right in $name: nothing overflows or errs, contrasts hold, everything has a name; pictures are kept',
    async ({ name, ...look }) => {
      const context = await browser().newContext(look);
      const page = await context.newPage();
      const errors: string[] = [];
      noteErrors(page, errors);
      const show = async (path: string, title: string): Promise<void> => {
        if (path !== '') await page.goto(running.sample.url + path);
        expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
        expect(await lowContrasts(page)).toEqual([]);
        expect(await unnamedFields(page)).toEqual([]);
        await picture(page, `${title}-${name}`);
      };
      await show('/login', 'login');
      await page.getByLabel('Name').fill('ada');
      await page.getByLabel('Password').fill('wrong');
      await page.getByRole('button', { name: 'Log in', exact: true }).click();
      await page.getByRole('alert').getByText('do not go together').waitFor();
      await show('', 'login-wrong-password');
      await logIn(page, running.sample.url);
      await show('/dashboard?notice=extended', 'dashboard');
      await page.goto(`${running.sample.url}/cart`);
      await page.getByRole('button', { name: 'One Pot of coffee more' }).click();
      await page.getByRole('button', { name: 'Add 20 croissants' }).click();
      await page.getByText('Nothing was lost').waitFor();
      await show('', 'cart');
      await page.getByRole('button', { name: 'One Pot of coffee more' }).hover();
      expect(await lowContrasts(page)).toEqual([]);
      const phone = await browser().newContext({
        userAgent:
          'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1',
      });
      await logIn(await phone.newPage(), running.sample.url);
      await show('/devices', 'devices');
      await page.goto(`${running.sample.url}/lab`);
      await page.getByText('is logged in again: the record is back.').waitFor();
      await show('', 'lab');
      await phone.close();
      await show('/confirm', 'confirm');
      await show('/no-such-page', 'not-found');
      await context.close();
      expect(errors.filter((each) => !isExpected(each))).toEqual([]);
    },
    60_000,
  );

  it.each(['light', 'dark'] as const)('say what is wrong while the store is away, in %s', async (colorScheme) => {
    const context = await browser().newContext({ colorScheme });
    const page = await context.newPage();
    await logIn(page, running.sample.url);
    const folder = join(running.clone.path, 'sample', '01-login', '.sessions');
    await rename(folder, `${folder}-away`);
    await writeFile(folder, 'no folder');
    try {
      expect((await page.goto(`${running.sample.url}/cart`))?.status()).toBe(503);
      expect([await lowContrasts(page), await unnamedFields(page)]).toEqual([[], []]);
      await picture(page, `store-away-${colorScheme}`);
    } finally {
      await rm(folder);
      await rename(`${folder}-away`, folder);
    }
    await page.getByRole('link', { name: 'Try again' }).click();
    await page.getByRole('heading', { name: 'Room service' }).waitFor();
    await context.close();
  });
});

/** But for the answers whose status the test asked for. */
const isExpected = (error: string): boolean => /status of (401|404)/.test(error);

/** What a screen reader could only call "button" or "edit text"; and what breaks a page's outline. */
async function unnamedFields(page: Page): Promise<string[]> {
  const missing = (await page.getByRole('main').count()) === 1 ? [] : ['main'];
  if ((await page.getByRole('heading', { level: 1 }).count()) !== 1) missing.push('one h1');
  for (const role of ['button', 'link', 'textbox', 'navigation', 'region'] as const) {
    // A name that is empty matches no letter.
    const [all, named] = [page.getByRole(role), page.getByRole(role, { name: /\S/ })];
    if ((await all.count()) !== (await named.count())) missing.push(role);
  }
  return missing;
}
