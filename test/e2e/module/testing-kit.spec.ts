import { Body, Controller, Get, type INestApplication, Module, Post, UseGuards } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { adapterName, describeOnBoth as describe, newAdapter } from '../../support/adapters.js';
import {
  MemoryStore,
  RequireRecentLogin,
  Session,
  SessionGuard,
  SessionModule,
  SessionRegistry,
  SessionStore,
} from 'nestjs-keycard';
import { ManualClock, overrideSessions, type SessionTesting, sessionTesting } from 'nestjs-keycard/testing';
import request from 'supertest';

interface Data {
  name: string;
  cart: string[];
}

@Controller()
class ShopController {
  @Get('me')
  @UseGuards(SessionGuard)
  me(@Session() session: Session<Data>) {
    return { name: session.name, principal: session.info.principal, device: session.info.device };
  }

  @Post('cart')
  add(@Session() session: Session<Data>, @Body('item') item: string) {
    session.cart = [...(session.cart ?? []), item];
    return session.cart;
  }

  @Get('vault')
  @UseGuards(SessionGuard)
  @RequireRecentLogin('10m')
  vault() {
    return 'gold';
  }
}

/** A store that no test may reach. */
class FarStore extends MemoryStore {
  override load(): never {
    throw new Error('the far store was asked');
  }
  override create(): never {
    throw new Error('the far store was asked');
  }
}

@Module({
  imports: [
    SessionModule.forRoot({
      secret: 'a secret of at least thirty-two bytes',
      name: 'shop',
      idleTimeout: '1h',
      store: new FarStore(),
    }),
  ],
  controllers: [ShopController],
})
class AppModule {}

describe("nestjs-keycard/testing in an app's own tests", () => {
  const clock = new ManualClock();
  let app: INestApplication;
  let sessions: SessionTesting;

  beforeEach(async () => {
    const moduleRef = await overrideSessions(Test.createTestingModule({ imports: [AppModule] }), { clock }).compile();
    app = moduleRef.createNestApplication(newAdapter(), { logger: false });
    await app.init();
    if (adapterName() === 'Fastify') await (app.getHttpAdapter().getInstance() as { ready(): Promise<void> }).ready();
    sessions = sessionTesting(app);
  });
  afterEach(() => app.close());

  const http = () => request(app.getHttpServer());

  it('gives a Cookie header that a guarded route lets in, with the data and the device that were asked for', async () => {
    await http().get('/me').expect(401);
    const cookie = await sessions.cookieFor<Data>({
      principal: 7,
      data: { name: 'Ada' },
      device: { userAgent: 'Firefox', ip: '192.0.2.7' },
    });
    expect(cookie).toMatch(/^shop=s%3A/);
    const { body } = await http().get('/me').set('Cookie', cookie).expect(200);
    expect(body).toEqual({ name: 'Ada', principal: '7', device: { userAgent: 'Firefox', ip: '192.0.2.7' } });
  });

  it('gives a session without a principal as well, which the guard does not let in', async () => {
    const cookie = await sessions.cookieFor<Data>({ data: { cart: ['apple'] } });
    await http().get('/me').set('Cookie', cookie).expect(401);
    await http().post('/cart').set('Cookie', cookie).send({ item: 'pear' }).expect(201, ['apple', 'pear']);
    expect((await sessions.read<Data>(cookie))?.data).toEqual({ cart: ['apple', 'pear'] });
  });

  it('makes a login as old as it is asked to be', async () => {
    const now = clock.now();
    const recent = await sessions.cookieFor({ principal: '7', authenticatedAt: new Date(now - 9 * 60_000) });
    const old = await sessions.cookieFor({ principal: '7', authenticatedAt: new Date(now - 11 * 60_000) });
    await http().get('/vault').set('Cookie', recent).expect(200);
    await http().get('/vault').set('Cookie', old).expect(401);
  });

  it("reads what an answer's Set-Cookie headers stand for", async () => {
    const answer = await http().post('/cart').send({ item: 'apple' }).expect(201);
    const found = await sessions.read<Data>(answer.get('Set-Cookie'));
    expect(found?.data).toEqual({ cart: ['apple'] });
    expect(found?.info).toMatchObject({
      isNew: false,
      principal: undefined,
      createdAt: new Date(clock.now()),
      expiresAt: new Date(clock.now() + 3_600_000),
    });
    const [line = ''] = answer.get('Set-Cookie') ?? [];
    expect(await sessions.read(line.replace(/.(?=; Path)/, (last) => (last === 'A' ? 'B' : 'A')))).toBeUndefined();
    expect(await sessions.read(undefined)).toBeUndefined();
    expect(await sessions.read('other=1')).toBeUndefined();
  });

  it('shows copies, and looking moves nothing', async () => {
    const cookie = await sessions.cookieFor<Data>({ data: { cart: ['apple'] } });
    const before = await sessions.read<Data>(cookie);
    clock.advance(30 * 60_000);
    const after = await sessions.read<Data>(cookie);
    expect(after).toEqual(before);
    after!.data.cart!.push('pear');
    expect((await sessions.read<Data>(cookie))?.data.cart).toEqual(['apple']);
  });

  it('ends sessions when the clock of the test says so', async () => {
    const cookie = await sessions.cookieFor({ principal: '7' });
    clock.advance(3_599_999);
    expect(await sessions.read(cookie)).toBeDefined();
    clock.advance(1);
    expect(await sessions.read(cookie)).toBeUndefined();
    await http().get('/me').set('Cookie', cookie).expect(401);
  });

  it('lists and counts what is stored, and clears it', async () => {
    await sessions.cookieFor<Data>({ principal: '7', data: { name: 'Ada' } });
    await sessions.cookieFor<Data>({ principal: '7', data: { name: 'Ada on the phone' } });
    await sessions.cookieFor<Data>({ data: { cart: [] } });
    expect(await sessions.count()).toBe(3);
    expect((await sessions.list<Data>({ principal: 7 })).map(({ data }) => data.name).sort()).toEqual([
      'Ada',
      'Ada on the phone',
    ]);
    await app.get(SessionRegistry).revokeAll('7');
    expect((await sessions.list<Data>()).map(({ data }) => data)).toEqual([{ cart: [] }]);
    await sessions.clear();
    expect(await sessions.count()).toBe(0);
  });

  it('leaves the app one store, the one that a test put in place of SessionStore', async () => {
    const store = new MemoryStore();
    const moduleRef = await Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(SessionStore)
      .useValue(store)
      .compile();
    const other = moduleRef.createNestApplication({ logger: false });
    await other.init();
    await sessionTesting(other).cookieFor({ principal: '7' });
    expect(await store.count()).toBe(1);
    expect(other.get(SessionStore)).toBe(store);
    await other.close();
  });

  it.each([undefined, ''])(
    'gives an app a secret if it has none (%p), as a test has no .env (#16.3)',
    async (secret) => {
      @Module({ imports: [SessionModule.forRoot({ secret: secret! })], controllers: [ShopController] })
      class WithoutSecret {}
      const moduleRef = await overrideSessions(Test.createTestingModule({ imports: [WithoutSecret] })).compile();
      const own = moduleRef.createNestApplication(newAdapter(), { logger: false });
      await own.listen(0, '127.0.0.1');
      const cookie = await sessionTesting(own).cookieFor({ principal: '7' });
      await request(own.getHttpServer()).get('/me').set('Cookie', cookie).expect(200);
      await own.close();
    },
  );

  it('says so if the app has no sessions', async () => {
    const moduleRef = await Test.createTestingModule({}).compile();
    expect(() => sessionTesting(moduleRef)).toThrow('Import SessionModule');
  });
});
