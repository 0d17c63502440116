import type { INestApplication } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Jar } from '../../support/app.js';

const root = join(import.meta.dirname, '../../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const code = /^```ts file=app\.ts\n([\s\S]*?)^```/m.exec(readme)![1]!;
const start = 'void NestFactory.create(AppModule).then((app) => app.listen(3000));';

describe('the app of the README', () => {
  let app: INestApplication;
  let url: string;

  beforeAll(async () => {
    expect(code).toContain(start);
    mkdirSync(join(root, 'artifacts/readme'), { recursive: true });
    const file = join(root, 'artifacts/readme/app.ts');
    writeFileSync(
      file,
      code.replace(start, 'export const started = NestFactory.create(AppModule, { logger: false });'),
    );
    process.env.SESSION_SECRET ??= randomBytes(32).toString('base64');
    app = await ((await import(file)) as { started: Promise<INestApplication> }).started;
    await app.listen(0, '127.0.0.1');
    url = `http://127.0.0.1:${(app.getHttpServer().address() as { port: number }).port}`;
  });
  afterAll(() => app.close());

  it('has at most 30 lines', () => {
    expect(code.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(30);
  });

  it('does what its curl session shows, with the same Set-Cookie', async () => {
    const jar = new Jar();
    const stranger = await jar.fetch(`${url}/dashboard`);
    expect(stranger.status).toBe(401);
    expect(readme).toContain(await stranger.text());
    const login = await jar.fetch(`${url}/login`, { method: 'POST', body: new URLSearchParams({ name: 'Ada' }) });
    expect(login.status).toBe(201);
    expect(jar.last).toEqual([expect.stringMatching(/^sid=s%3A[\w-]{32}\.[^;]+; Path=\/; HttpOnly; SameSite=Lax$/)]);
    const shown = await jar.fetch(`${url}/dashboard`);
    const text = await shown.text();
    expect(text).toBe('Welcome Ada, visit 1');
    expect(readme).toContain(text);
    const old = jar.header;
    await jar.fetch(`${url}/logout`, { method: 'POST' });
    expect(readme).toContain(`Set-Cookie: ${jar.last[0]}`);
    expect((await fetch(`${url}/dashboard`, { headers: { cookie: old } })).status).toBe(401);
  });
});
