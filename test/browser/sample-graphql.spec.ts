import { afterEach, expect, it } from '@jest/globals';
import type { BrowserContext, Page, WebSocketRoute } from 'playwright-core';
import { describeWithBrowser, picture } from '../support/browser/browser.js';
import { useSampleApp } from '../support/sample-app.js';

describeWithBrowser('sample 05-graphql in a browser (#15.8)', (browser) => {
  const sample = useSampleApp(() => import('../../sample/05-graphql/src/app.module.js'));
  const contexts: BrowserContext[] = [];
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
  });

  const submit = async (page: Page): Promise<void> => {
    await page.getByLabel('Password').fill('lighthouse keeper');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('You are virginia.').waitFor();
  };
  const logIn = async (options: object = {}, prepare?: (page: Page) => unknown): Promise<Page> => {
    const context = await browser().newContext(options);
    contexts.push(context);
    const page = await context.newPage();
    await prepare?.(page);
    await page.goto(sample.url);
    await submit(page);
    return page;
  };
  const say = async (page: Page, text: string) => {
    await page.getByLabel('Message', { exact: true }).fill(text);
    await page.getByRole('button', { name: 'Say' }).click();
  };
  const heard = (page: Page, text: string) => page.getByRole('listitem').filter({ hasText: text });

  it('two devices hear each other, room by room, and one says by itself that the other has logged it out', async () => {
    const [phone, desk] = [
      await logIn({ viewport: { width: 390, height: 700 }, colorScheme: 'dark' }),
      await logIn({ colorScheme: 'light' }),
    ];
    await say(desk, 'hello from the desk');
    await heard(phone, 'hello from the desk').waitFor();
    await say(phone, 'hello from the phone');
    await heard(desk, 'hello from the phone').waitFor();
    await phone.getByLabel('Garden').check();
    await say(desk, 'for the hall alone');
    await heard(desk, 'for the hall alone').waitFor();
    await desk.getByLabel('Garden').check();
    await say(desk, 'a rose');
    await heard(phone, 'a rose').waitFor();
    expect(await heard(phone, 'for the hall alone').count()).toBe(0);
    await picture(desk, 'graphql-light');
    await picture(phone, 'graphql-dark-390');
    await desk.getByRole('button', { name: 'Log out my other devices' }).click();
    await phone.getByText('This device was logged out.').waitFor();
    expect(await phone.getByRole('button', { name: 'Log in' }).isVisible()).toBe(true);
    await picture(phone, 'graphql-logged-out-390');
    await desk.getByText('Other devices that were logged out: 1.').waitFor();
  });

  it('shows the room that the session is in: after a reload the same, after a new login the hall', async () => {
    const page = await logIn();
    await page.getByLabel('Garden').check();
    await say(page, 'a rose');
    await heard(page, 'a rose').waitFor();
    await page.reload();
    await page.getByText('You are virginia.').waitFor();
    await page.locator('input[value=garden]:checked').waitFor();
    await page.getByRole('button', { name: 'Log out', exact: true }).click();
    await page.getByText('This device was logged out.').waitFor();
    await submit(page);
    await page.locator('input[value=hall]:checked').waitFor();
  });

  it('connects again when the connection was lost, however long the server is away', async () => {
    const connections: WebSocketRoute[] = [];
    const page = await logIn({}, (of) =>
      of.routeWebSocket('**/graphql', (connection) => {
        connections.push(connection);
        connection.connectToServer();
      }),
    );
    let refused = 0;
    await page.route('**/graphql', (route) => {
      refused += 1;
      return refused <= 2 ? route.abort() : route.continue();
    });
    await connections[0]!.close({ code: 4500 });
    await page.getByText('Failed to fetch').waitFor();
    await page.getByText('You are virginia.').waitFor();
    await page.getByLabel('Garden').check();
    await say(page, 'here again');
    await heard(page, 'here again').waitFor();
    expect(connections).toHaveLength(2);
  });
});
