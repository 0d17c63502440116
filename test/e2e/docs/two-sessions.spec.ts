import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import { Jar, post } from '../../support/app.js';
import { runDocs } from '../../support/docs-code.js';

let server: Server;
let url: string;
let close: () => Promise<unknown>;

beforeAll(async () => {
  process.env.SHOP_SECRET = randomBytes(32).toString('base64');
  process.env.ADMIN_SECRET = randomBytes(32).toString('base64');
  type Started = { outer: RequestListener; close: () => Promise<unknown> };
  const { start } = await runDocs<{ start(): Promise<Started> }>('two-sessions.md', 'AdminModule');
  const started = await start();
  ({ close } = started);
  server = createServer(started.outer).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await close();
});

it('a shop and its back office are logged in to apart, in one browser (#16.3)', async () => {
  const jar = new Jar();
  const me = async (path: string) => (await jar.fetch(`${url}${path}`)).status;
  await jar.fetch(`${url}/login`, post());
  expect([await me('/me'), await me('/admin/me')]).toEqual([200, 401]);
  await jar.fetch(`${url}/admin/login`, post());
  expect(jar.last).toEqual([expect.stringMatching(/^admin=s%3A[^;]+; Path=\/admin; HttpOnly; SameSite=Strict$/)]);
  expect([await me('/me'), await me('/admin/me'), jar.cookies.size]).toEqual([200, 200, 2]);
});
