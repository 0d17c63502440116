import type { INestApplication, Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sessionTesting } from 'nestjs-keycard/testing';
import { Jar, post, SECRET } from '../../support/app.js';
import { runDocs } from '../../support/docs-code.js';

describe('the app of docs/passport.md (#16.3)', () => {
  let app: INestApplication;
  let url: string;
  const before = process.env.SESSION_SECRET;
  beforeAll(async () => {
    process.env.SESSION_SECRET = SECRET;
    const { AppModule } = await runDocs<{ AppModule: Type }>('passport.md', 'LocalStrategy');
    app = (await Test.createTestingModule({ imports: [AppModule] }).compile()).createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    url = `http://127.0.0.1:${(app.getHttpServer().address() as { port: number }).port}`;
  });
  afterAll(async () => {
    await app.close();
    if (before === undefined) delete process.env.SESSION_SECRET;
    else process.env.SESSION_SECRET = before;
  });

  it('logs in who has the password, with a new id, knows the user, and logs out', async () => {
    const jar = new Jar();
    expect((await jar.fetch(`${url}/login`, post({ username: 'ada', password: 'guess' }))).status).toBe(401);
    expect([jar.last, (await jar.fetch(`${url}/me`)).status]).toEqual([[], 401]);
    expect((await jar.fetch(`${url}/login`, post({ username: 'ada', password: 'lovelace' }))).status).toBe(201);
    expect(await (await jar.fetch(`${url}/me`)).json()).toEqual({ id: '7', user: { id: '7', name: 'Ada' } });
    const [session] = await sessionTesting(app).list({ principal: '7' });
    expect(session!.info.authenticatedAt).toBeInstanceOf(Date);
    const copy = { headers: { cookie: jar.header } };
    await jar.fetch(`${url}/logout`, post());
    expect((await fetch(`${url}/me`, copy)).status).toBe(401);
  });
});
