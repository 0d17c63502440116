import type { INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { Jar, post } from '../../support/app.js';
import { runDocs } from '../../support/docs-code.js';

describe('the move from @nestjs/jwt, as docs/sessions-or-jwt.md has it (#16.3)', () => {
  let app: INestApplication;
  let url: string;
  let token: string;

  beforeAll(async () => {
    process.env.SESSION_SECRET ??= randomBytes(32).toString('base64');
    process.env.JWT_SECRET ??= randomBytes(32).toString('base64');
    const { AppModule } = await runDocs<{ AppModule: Type }>('sessions-or-jwt.md', 'TokenOrSessionGuard');
    app = await NestFactory.create(AppModule, { logger: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
    // What the app gave out before the move. By a name that tsc doesn't follow: only this test needs the package.
    const { JwtService } = (await import(String('@nestjs/jwt'))) as {
      JwtService: Type<{ signAsync(claims: object, options?: object): Promise<string> }>;
    };
    token = await app.get(JwtService).signAsync({ sub: '7', name: 'Ann' });
  });
  afterAll(() => app.close());
  const me = (jar: Jar, authorization?: string) =>
    jar.fetch(`${url}/me`, authorization === undefined ? {} : { headers: { authorization } });

  it('who has a token gets a session, and needs the token no more', async () => {
    const jar = new Jar();
    expect(await (await me(jar, `Bearer ${token}`)).json()).toEqual({ id: '7' });
    expect(jar.last).toHaveLength(1);
    expect(await (await me(jar)).json()).toEqual({ id: '7' });
  });

  it('a new login gets a session, and a logout ends it at once', async () => {
    const jar = new Jar();
    await jar.fetch(`${url}/login`, post({ id: '8', name: 'Bob' }));
    const copy = new Jar();
    copy.cookies.set('sid', jar.cookies.get('sid')!);
    expect(await (await me(copy)).json()).toEqual({ id: '8' });
    await jar.fetch(`${url}/logout`, post());
    expect((await me(copy)).status).toBe(401);
  });

  it.each([
    ['no token', undefined],
    ['a token of others', 'Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl'],
    ['an unsigned token', 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiI3In0.'],
    ['another scheme', 'Basic NzpzZWNyZXQ='],
  ])('lets nobody in with %s', async (_, authorization) => {
    const jar = new Jar();
    expect([(await me(jar, authorization)).status, jar.last]).toEqual([401, []]);
  });

  it('the session wins over a token of somebody else', async () => {
    const jar = new Jar();
    await jar.fetch(`${url}/login`, post({ id: '8', name: 'Bob' }));
    expect(await (await me(jar, `Bearer ${token}`)).json()).toEqual({ id: '8' });
  });
});
