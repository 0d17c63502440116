import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describeWithBrowser, picture } from '../support/browser/browser.js';

describeWithBrowser('sample 05-graphql in a browser (#15.8)', (browser) => {
  let app: INestApplication;
  let url: string;
  let folder: string;
  beforeAll(async () => {
    folder = process.env.SESSION_PATH = await mkdtemp(join(tmpdir(), 'keycard-sample-graphql-'));
    const { AppModule } = await import('../../sample/05-graphql/src/app.module.js');
    app = await NestFactory.create(AppModule, { logger: false, forceCloseConnections: true });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterAll(async () => {
    delete process.env.SESSION_PATH;
    await app.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function logIn(options: object): Promise<Page> {
    const page = await (await browser().newContext(options)).newPage();
    await page.goto(url);
    await page.getByLabel('Password').fill('lighthouse keeper');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('You are virginia.').waitFor();
    return page;
  }
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
    try {
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
    } finally {
      await Promise.all([phone, desk].map((page) => page.context().close()));
    }
  });
});
