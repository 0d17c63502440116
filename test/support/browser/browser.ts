import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, jest } from '@jest/globals';
import { describeWithServer } from '../servers/available.js';

const screenshots = join(import.meta.dirname, '..', '..', '..', 'artifacts', 'screenshots');

const QUIET = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  '--no-first-run',
];

/** A `describe` that needs a Chromium: skipped loudly without one, failing where `KEYCARD_REQUIRE` names `browser`. */
export function describeWithBrowser(title: string, body: (browser: () => Browser) => void, args: string[] = []): void {
  jest.setTimeout(60_000);
  describeWithServer(
    'browser',
    (server) => {
      let browser: Browser | undefined;
      beforeAll(async () => {
        browser = await chromium.launch({
          executablePath: server.url,
          args: [...QUIET, ...args],
          chromiumSandbox: process.getuid?.() !== 0,
          // Pages may be kept whole for the back button, as in people's browsers.
          ignoreDefaultArgs: ['--disable-back-forward-cache'],
        });
      }, 60_000);
      afterAll(() => browser?.close());
      body(() => browser!);
    },
    title,
  );
}

/** The cookie of the session as the browser keeps it. */
export async function sessionCookie(context: BrowserContext, name = 'sid') {
  return (await context.cookies()).find((cookie) => cookie.name === name);
}

/** Notes exceptions in a page, and what its console reports as errors, such as blocked content. */
export function noteErrors(page: Page, errors: string[]): void {
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
}

/** Keeps a picture of the page in artifacts/screenshots. */
export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(screenshots, { recursive: true });
  const viewport = page.viewportSize()!;
  // As tall as the page, so that what sticks to the window's edge covers nothing.
  const height = (await page.evaluate('document.documentElement.scrollHeight')) as number;
  await page.setViewportSize({ ...viewport, height: Math.max(viewport.height, height) });
  await page.screenshot({ path: join(screenshots, `${name}.png`) });
  await page.setViewportSize(viewport);
}

/** Logs a guest of the sample in through its login page. */
export async function logIn(page: Page, url: string, name = 'ada', password = 'analytical engine'): Promise<void> {
  await page.goto(`${url}/login`);
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await page.waitForURL(`${url}/dashboard`);
}
