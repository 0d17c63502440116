import { afterEach, expect, it } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { describeWithBrowser, noteErrors, picture } from '../support/browser/browser.js';
import { lowContrasts } from '../support/browser/contrast.js';
import { useSample } from '../support/sample.js';
import { freePort } from '../support/servers/process.mjs';

const LOOKS = [
  { colorScheme: 'light', viewport: { width: 1180, height: 820 }, name: 'light' },
  { colorScheme: 'dark', viewport: { width: 1180, height: 820 }, name: 'dark' },
  { colorScheme: 'dark', viewport: { width: 390, height: 844 }, name: 'phone' },
] as const;

describeWithBrowser('sample 04-chat in a browser (#15.8)', (browser) => {
  const running = useSample({}, '04-chat');
  const contexts: BrowserContext[] = [];
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
  });

  const visit = async (
    look: Parameters<ReturnType<typeof browser>['newContext']>[0] = {},
    prepare?: (page: Page) => void,
  ): Promise<Page> => {
    const context = await browser().newContext(look);
    contexts.push(context);
    const page = await context.newPage();
    prepare?.(page);
    await page.goto(running.sample.url);
    return page;
  };
  const logIn = async (page: Page, name = 'virginia', password = 'lighthouse keeper'): Promise<void> => {
    await page.getByLabel('Name').fill(name);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
    await page.locator('[data-socket]', { hasText: 'open' }).waitFor();
    await page.locator('[data-stream]', { hasText: 'open' }).waitFor();
  };
  const isToldOfTheEnd = async (page: Page): Promise<void> => {
    await page.getByRole('heading', { name: 'You were logged out' }).waitFor();
    expect(await page.locator('[data-ended-log]').innerText()).toMatch(/Socket\s+io server disconnect/);
    expect(await page.locator('[data-ended-log]').innerText()).toMatch(/Event stream\s+ended/);
  };

  it('one device logs the other out: its page says so by itself, its socket and stream are closed, others stay', async () => {
    const [one, other, guest] = [await visit(), await visit(), await visit()];
    await logIn(one);
    await logIn(other);
    await logIn(guest, 'winslow', 'paper boat');
    await one.getByLabel('Your line').fill('Is anybody here?');
    await one.getByRole('button', { name: 'Say' }).click();
    await one.getByText('Said in this session: 1').waitFor();
    for (const page of [other, guest]) await page.getByText('Is anybody here?').waitFor();

    await one.getByRole('button', { name: /^Log out Chrome/ }).click();
    await isToldOfTheEnd(other);
    await other.getByText('That happened on another device').waitFor();
    // The lists of devices follow.
    await one.getByRole('button', { name: /^Log out Chrome/ }).waitFor({ state: 'detached' });
    for (const page of [one, guest]) expect(await page.locator('[data-socket]').innerText()).toBe('open');
    await one.getByLabel('Your line').fill('One of us is gone.');
    await one.getByRole('button', { name: 'Say' }).click();
    await guest.getByText('One of us is gone.').waitFor();
    expect(await other.getByText('One of us is gone.').count()).toBe(0);

    // And in again.
    await logIn(other);
    await other.getByText('One of us is gone.').waitFor();
  });

  it('"Log out everywhere" and "Log out" end what every page of the session has open', async () => {
    const [one, other] = [await visit(), await visit()];
    await logIn(one);
    await logIn(other);
    const tab = await contexts[0]!.newPage();
    await tab.goto(running.sample.url);
    await tab.locator('[data-socket]', { hasText: 'open' }).waitFor();
    await tab.locator('[data-stream]', { hasText: 'open' }).waitFor();
    await other.getByRole('button', { name: 'Log out everywhere' }).click();
    for (const page of [one, other, tab]) await isToldOfTheEnd(page);
    await other.getByText('You did that here').waitFor();

    await logIn(one);
    await one.getByRole('button', { name: 'Log out', exact: true }).click();
    await isToldOfTheEnd(one);
    await one.reload();
    await one.getByRole('heading', { name: 'Come in' }).waitFor();
  });

  it('a button whose request fails says so, and the page stays', async () => {
    const [one, other] = [await visit(), await visit()];
    await logIn(one);
    await logIn(other);
    const failed = one.getByRole('alert').getByText('That did not work. Please try again.');
    await one.route('**/*logout*', (route) => route.abort());
    for (const name of [/^Log out$/, /^Log out everywhere$/, /^Log out Chrome/]) {
      await one.getByRole('button', { name }).click();
      await failed.waitFor();
      await one.evaluate("document.querySelector('[data-failed]').textContent = ''");
    }
    await one.unroute('**/*logout*');
    await other.getByRole('button', { name: 'Log out everywhere' }).click();
    await isToldOfTheEnd(one);
    await one.getByText('That happened on another device').waitFor();
  });

  it('a page that was not told, as the server was away, finds out when it is back', async () => {
    const context = await browser().newContext();
    contexts.push(context);
    const page = await context.newPage();
    const PORT = String(await freePort());
    const sample = await running.clone.start({ PORT }, '04-chat');
    await page.goto(sample.url);
    await logIn(page);
    await sample.stop();
    await page.locator('[data-socket]', { hasText: 'connecting' }).waitFor();
    // Its sessions were in its memory.
    const again = await running.clone.start({ PORT }, '04-chat');
    try {
      await page.getByRole('heading', { name: 'You were logged out' }).waitFor();
    } finally {
      await again.stop();
    }
  });

  it.each(LOOKS)(
    'looks right in $name: nothing overflows or errs, contrasts hold; pictures are kept',
    async ({ name, ...look }) => {
      const errors: string[] = [];
      const page = await visit(look, (of) => noteErrors(of, errors));
      const show = async (title: string): Promise<void> => {
        expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
        expect(await lowContrasts(page)).toEqual([]);
        await picture(page, `chat-${title}-${name}`);
      };
      await show('login');
      await logIn(page);
      const other = await visit();
      await logIn(other);
      for (const text of ['Good evening.', 'It is a quiet night, and the lamp burns well.']) {
        await page.getByLabel('Your line').fill(text);
        await page.getByRole('button', { name: 'Say' }).click();
        await page.getByText(text).last().waitFor();
      }
      await show('room');
      await other.getByRole('button', { name: 'Log out everywhere' }).click();
      await isToldOfTheEnd(page);
      await show('ended');
      expect(errors).toEqual([]);
    },
  );
});
