import type { INestApplication } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionRegistry } from 'nestjs-keycard';
import session from 'nestjs-keycard/express';
import { AppModule } from '../../../sample/02-passport/src/app.module.js';
import { AuthModule } from '../../../sample/02-passport/src/auth/auth.module.js';
import { passportMiddlewares } from '../../../sample/02-passport/src/auth/passport-session.module.js';
import { Jar, post } from '../../support/app.js';
import { WhoController } from '../../support/who-controller.js';

const virginia = { username: 'virginia', password: 'lighthouse keeper' };

interface Visitor {
  readonly jar: Jar;
  send(path: string, body?: unknown): Promise<Response>;
  get(path: string): Promise<Response>;
}

function visitor(url: string, jar = new Jar()): Visitor {
  return {
    jar,
    send: (path, body) => jar.fetch(`${url}/${path}`, post(body)),
    get: (path) => jar.fetch(`${url}/${path}`),
  };
}

async function listen(app: INestApplication): Promise<string> {
  await app.listen(0, '127.0.0.1');
  return `http://127.0.0.1:${(app.getHttpServer().address() as { port: number }).port}`;
}

describe.each(['module', 'main'] as const)('@nestjs/passport, its middlewares mounted in %s', (passportIn) => {
  let app: INestApplication;
  let url: string;

  beforeEach(async () => {
    const testing = await Test.createTestingModule({ imports: [AppModule.register(passportIn)] }).compile();
    app = testing.createNestApplication({ logger: false });
    if (passportIn === 'main') app.use(...passportMiddlewares());
    url = await listen(app);
  });
  afterEach(() => app.close());

  it('logs in under a new id, remembers, and logs out: neither old cookie is worth anything', async () => {
    const { jar, send, get } = visitor(url);
    await send('requests', { text: 'a quiet room' });
    const guest = jar.header;
    const login = await send('login', virginia);
    expect([login.status, await login.json()]).toEqual([200, { name: 'virginia' }]);
    const member = jar.header;
    expect(member).not.toBe(guest);
    expect((await get('profile')).status).toBe(200);
    expect((await fetch(`${url}/profile`, { headers: { cookie: guest } })).status).toBe(401);
    expect((await send('logout')).status).toBe(204);
    expect(jar.header).not.toBe(member);
    expect((await get('profile')).status).toBe(401);
    expect((await fetch(`${url}/profile`, { headers: { cookie: member } })).status).toBe(401);
  });

  it('remembers the user in the next request: req.user and the principal', async () => {
    const { send, get } = visitor(url);
    await send('login', virginia);
    expect(await (await get('profile')).json()).toEqual({ name: 'virginia', principal: '1', requests: [] });
  });

  it('keeps what the guest had with keepSessionInfo', async () => {
    const { send, get } = visitor(url);
    await send('requests', { text: 'a quiet room' });
    await send('login', virginia);
    expect(await (await get('profile')).json()).toMatchObject({ requests: ['a quiet room'] });
  });

  it('turns a wrong password away, and makes no session', async () => {
    const { jar, send } = visitor(url);
    expect((await send('login', { ...virginia, password: 'wrong' })).status).toBe(401);
    expect(jar.header).toBe('');
  });

  it('ends the sessions of a user of passport through the registry', async () => {
    const [phone, desk] = [visitor(url), visitor(url)];
    await phone.send('login', virginia);
    await desk.send('login', virginia);
    const registry = app.get(SessionRegistry);
    expect((await registry.list({ principal: '1' })).sessions).toHaveLength(2);
    await registry.revokeAll('1');
    expect((await phone.get('profile')).status).toBe(401);
    expect((await desk.get('profile')).status).toBe(401);
  });

  it('lets the late click of two on login through: a guest whose id was replaced begins anew', async () => {
    const { jar, send } = visitor(url);
    await send('requests', { text: 'a quiet room' });
    const guest = jar.header;
    await send('login', virginia);
    const second = await fetch(`${url}/login`, {
      ...post(virginia),
      headers: { 'content-type': 'application/json', cookie: guest },
    });
    expect(second.status).toBe(200);
    const late = new Jar();
    late.take(second);
    expect(await (await late.fetch(`${url}/profile`)).json()).toMatchObject({ name: 'virginia' });
  });

  it('logs two windows out that ask at the same time', async () => {
    const { jar, send } = visitor(url);
    await send('login', virginia);
    const card = jar.header;
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => fetch(`${url}/logout`, { ...post(), headers: { cookie: card } })),
    );
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204, 204, 204]);
    expect((await fetch(`${url}/profile`, { headers: { cookie: card } })).status).toBe(401);
  });
});

@Module({ imports: [AuthModule], controllers: [WhoController] })
class PlainModule {}

it('works with nestjs-keycard/express in main.ts, as it did with express-session', async () => {
  const testing = await Test.createTestingModule({ imports: [PlainModule] }).compile();
  const app = testing.createNestApplication({ logger: false });
  app.use(session({ secret: 'keyboard cat', resave: false, saveUninitialized: false }), ...passportMiddlewares());
  try {
    const { jar, send, get } = visitor(await listen(app));
    await send('login', virginia);
    expect([...jar.cookies.keys()]).toEqual(['connect.sid']);
    expect(await (await get('who')).json()).toEqual({ user: 'virginia' });
    expect((await send('logout')).status).toBe(204);
    expect(await (await get('who')).json()).toEqual({ user: null });
  } finally {
    await app.close();
  }
});
