// Tests with HTTP, as docs/testing.md has them: the same for Jest and Vitest.
import { type INestApplication, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { SessionModule } from 'nestjs-keycard';
import { overrideSessions, type SessionTesting, sessionTesting } from 'nestjs-keycard/testing';
import request from 'supertest';
import { TourModule } from '../src/tour.js';

const ADA = { principal: '7', data: { member: { name: 'Ada', role: 'guest' as const } } };

describe('the tour', () => {
  let app: INestApplication;
  let sessions: SessionTesting;
  const http = () => request(app.getHttpServer());

  beforeAll(async () => {
    const moduleRef = await Test.createTestingModule({ imports: [TourModule] }).compile();
    app = moduleRef.createNestApplication();
    await app.init();
    sessions = sessionTesting(app);
  });
  afterEach(() => sessions.clear());
  afterAll(() => app.close());

  it('sends a visitor to the login, and back to where he was going, with a message that is shown once', async () => {
    const browser = request.agent(app.getHttpServer());
    const refused = await browser.get('/tour/account?tab=2').set('Accept', 'text/html').expect(302);
    expect(refused.headers.location).toBe('/tour/sign-in');
    const login = await browser.post('/tour/login').send({ id: '7', name: 'Ada', role: 'guest' }).expect(303);
    expect(login.headers.location).toBe('/tour/account?tab=2');
    await browser.get('/tour/account').expect(200, { id: '7', name: 'Ada' });
    await browser.get('/tour').expect(200, { greeting: 'Hello Ada', notices: ['Welcome, Ada.'] });
    await browser.get('/tour').expect(200, { greeting: 'Hello Ada', notices: [] });
    await browser.post('/tour/logout').expect(201);
    await browser.get('/tour').expect(200, { greeting: 'Hello stranger', notices: [] });
  });

  it('guards', async () => {
    await http().get('/tour/admin').expect(403);
    await http()
      .get('/tour/admin')
      .set('Cookie', await sessions.cookieFor(ADA))
      .expect(403);
    const admin = await sessions.cookieFor({ principal: '8', data: { member: { name: 'Grace', role: 'admin' } } });
    await http().get('/tour/admin').set('Cookie', admin).expect(200, 'for admins');
  });

  it('keeps in an interceptor what was visited', async () => {
    const cookie = await sessions.cookieFor(ADA);
    await http().get('/tour').set('Cookie', cookie).expect(200);
    await http().get('/tour/history').set('Cookie', cookie).expect(200, ['home', 'history']);
  });

  it('lists devices, and ends one from another', async () => {
    const [here, there] = [await sessions.cookieFor(ADA), await sessions.cookieFor(ADA)];
    const { body } = await http().get('/tour/devices').set('Cookie', here).expect(200);
    const devices = body as { handle: string; here: boolean }[];
    expect(devices.map((each) => each.here).sort()).toEqual([false, true]);
    const other = devices.find((each) => !each.here)!;
    await http().delete(`/tour/devices/${other.handle}`).set('Cookie', here).expect(200, { ended: true });
    await http().get('/tour/devices').set('Cookie', there).expect(401);
  });

  it('remembers who asks for it', async () => {
    const expires = async (remember: boolean) => {
      const answer = await http().post('/tour/login').send({ id: '7', name: 'Ada', role: 'guest', remember });
      return /Expires=/.test(String(answer.get('Set-Cookie')));
    };
    expect([await expires(true), await expires(false)]).toEqual([true, false]);
  });
});

// As docs/testing.md has it: a test has no .env, and Jest's process.env is a copy that loadEnvFile() doesn't reach.
it('an app without a secret gets one by overrideSessions()', async () => {
  @Module({ imports: [SessionModule.forRoot({ secret: process.env.NO_SUCH_SECRET! })] })
  class WithoutSecret {}
  const builder = overrideSessions(Test.createTestingModule({ imports: [WithoutSecret] }));
  const app = (await builder.compile()).createNestApplication();
  await app.init();
  expect(await sessionTesting(app).read(await sessionTesting(app).cookieFor(ADA))).toMatchObject({ data: ADA.data });
  await app.close();
});
