import type { INestApplication } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { request } from 'node:http';
import { MemoryStore } from 'nestjs-keycard';
import { startApp, type TestApp } from '../../support/app.js';
import { runDocs } from '../../support/docs-code.js';
import { ObservedStore } from '../../support/observed-store.js';
import { scripted } from '../../support/scripted.js';

const scripts = scripted({ change: (session) => void (session.n = 1) });

type Middleware = (req: object, res: object, next: () => void) => void;
const { sameOriginOnly } = await runDocs<{ sameOriginOnly: Middleware }>('csrf.md', 'sameOriginOnly');
const PROTECTIONS: [string, (app: INestApplication) => void][] = [
  ["Nest's app.enableCsrfProtection()", (app) => app.enableCsrfProtection()],
  ['the middleware for Nest 11 of docs/csrf.md', (app) => app.use(sameOriginOnly)],
];

describe.each(PROTECTIONS)('with %s (#16.3)', (_, protect) => {
  let app: TestApp;
  let store: ObservedStore;
  const start = async () => {
    store = new ObservedStore(new MemoryStore());
    app = await startApp([scripts], { store }, { before: protect });
    store.forget();
  };
  const call = (method: string, headers: Record<string, string>): Promise<number> =>
    new Promise((resolve, reject) => {
      request(`${app.url}/s/change`, { method, headers }, (answer) => resolve(answer.resume().statusCode!))
        .on('error', reject)
        .end();
    });
  afterEach(() => app.close());

  it.each([
    ['a form of this origin', 'POST', { 'sec-fetch-site': 'same-origin' }, 200],
    ['what the visitor typed', 'POST', { 'sec-fetch-site': 'none' }, 200],
    ['a form of a sister subdomain', 'POST', { 'sec-fetch-site': 'same-site' }, 403],
    ['a form of another site', 'POST', { 'sec-fetch-site': 'cross-site' }, 403],
    ['an old browser on another site', 'DELETE', { origin: 'https://evil.example' }, 403],
    ['a sandboxed frame', 'POST', { origin: 'null' }, 403],
    ['a client that is no browser', 'POST', {}, 200],
    ['a link on another site, which nothing covers', 'GET', { 'sec-fetch-site': 'cross-site' }, 200],
  ])('%s', async (_case, method, headers, status) => {
    await start();
    const answered = await call(method, headers as Record<string, string>);
    expect([answered === 403 ? 403 : 200, store.names.length > 0]).toEqual([status, status === 200]);
  });
});
