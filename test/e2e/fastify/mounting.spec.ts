import {
  Body,
  Controller,
  Get,
  type INestApplication,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  Post,
  Req,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it } from '@jest/globals';
import middie from '@fastify/middie';
import type { FastifyInstance } from 'fastify';
import {
  RequireSession,
  Session,
  SessionGuard,
  SessionId,
  SessionModule,
  type SessionModuleOptions,
  SkipSession,
} from 'nestjs-keycard';
import { Jar, post, SECRET } from '../../support/app.js';

type Any = Session<Record<string, unknown>>;
interface FastifyRequest {
  session?: Any | null;
  sessionID?: string;
  raw: { session?: Any };
}

@Controller()
class AppController {
  @Post('login')
  async login(@Session() session: Any, @Body() body: { id: string }) {
    await session.login(body.id);
    return {};
  }
  @Post('logout')
  async logout(@Session() session: Any) {
    await session.logout();
    return {};
  }
  @Post('change')
  change(@Req() request: FastifyRequest) {
    request.session!.count = ((request.session!.count as number | undefined) ?? 0) + 1;
    return { count: request.session!.count };
  }
  @Get('see')
  see(@Session() session: Any, @SessionId() id: string | undefined, @Req() request: FastifyRequest) {
    return {
      count: session.count ?? null,
      same: request.session === session && request.raw.session === session && request.sessionID === id,
      seen: session.seen ?? null,
    };
  }
  @Get('me')
  @UseGuards(SessionGuard)
  me(@Session('user') user: string | undefined) {
    return { user: user ?? 'somebody' };
  }
  @Get('page')
  @UseGuards(SessionGuard)
  @RequireSession({ redirectTo: '/sign-in', returnTo: true })
  page() {
    return 'page';
  }
  @Post('unset')
  unset(@Req() request: FastifyRequest) {
    request.session = null;
    return {};
  }
  @Get('skipped')
  @SkipSession()
  skipped(@Req() request: FastifyRequest) {
    return { has: request.session !== undefined };
  }
}

const apps: INestApplication[] = [];
const instanceOf = (app: INestApplication) => app.getHttpAdapter().getInstance() as FastifyInstance;
const warnings: string[] = [];
afterEach(async () => {
  warnings.length = 0;
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

/** As `main.ts` does it. */
async function start(
  options: Partial<SessionModuleOptions> = {},
  before: (app: NestFastifyApplication) => unknown = () => undefined,
  adapter = new FastifyAdapter(),
): Promise<string> {
  const logger = { warn: (text: string) => void warnings.push(text), error: () => undefined };
  @Module({
    imports: [SessionModule.forRoot({ secret: SECRET, logger, ...options })],
    controllers: [AppController],
  })
  class AppModule implements NestModule {
    configure(consumer: MiddlewareConsumer): void {
      consumer
        .apply((req: { session?: Any }, _res: unknown, next: () => void) => {
          if (req.session?.count !== undefined) req.session.seen = 'by Nest middleware';
          next();
        })
        .forRoutes('see');
    }
  }
  const app = await NestFactory.create<NestFastifyApplication>(AppModule, adapter, { logger: false });
  apps.push(app);
  await before(app);
  await app.listen(0, '127.0.0.1');
  return app.getUrl();
}

describe('Fastify: mounting (#15.1)', () => {
  it.each(['eager', 'lazy'] as const)('reads, changes, logs in and out, with load: %s', async (load) => {
    const url = await start({ load });
    const jar = new Jar();
    expect((await jar.fetch(`${url}/me`)).status).toBe(401);
    expect(await (await jar.fetch(`${url}/login`, post({ id: 'ann' }))).json()).toEqual({});
    const cookie = jar.header;
    expect((await jar.fetch(`${url}/me`)).status).toBe(200);
    await jar.fetch(`${url}/login`, post({ id: 'ann' }));
    expect(jar.header).not.toBe(cookie);
    await jar.fetch(`${url}/logout`, post());
    expect(jar.header).toBe('');
    expect((await jar.fetch(`${url}/me`)).status).toBe(401);
  });

  it('request.session, @Session() and what middleware sees are one session', async () => {
    const url = await start();
    const jar = new Jar();
    expect(await (await jar.fetch(`${url}/change`, post())).json()).toEqual({ count: 1 });
    expect(await (await jar.fetch(`${url}/change`, post())).json()).toEqual({ count: 2 });
    expect(await (await jar.fetch(`${url}/see`)).json()).toEqual({ count: 2, same: true, seen: 'by Nest middleware' });
    await jar.fetch(`${url}/unset`, post());
  });

  it("request.session = null ends the session with unset: 'destroy'", async () => {
    const url = await start({ unset: 'destroy' });
    const jar = new Jar();
    await jar.fetch(`${url}/change`, post());
    await jar.fetch(`${url}/unset`, post());
    expect(jar.header).toBe('');
  });

  it('what main.ts passes to app.use() finds req.session', async () => {
    const seen: unknown[] = [];
    const url = await start({}, (app) => {
      app.use((req: { session?: Any }, _res: unknown, next: () => void) => {
        seen.push(req.session?.count);
        next();
      });
    });
    const jar = new Jar();
    await jar.fetch(`${url}/change`, post());
    await jar.fetch(`${url}/see`);
    expect(seen).toEqual([undefined, 1]);
  });

  it('an onRequest and a preHandler hook of the app find request.session', async () => {
    const seen: unknown[] = [];
    const url = await start({}, (app) => {
      for (const name of ['onRequest', 'preHandler'] as const) {
        instanceOf(app).addHook(name, (request: unknown, _reply: unknown, done: () => void) => {
          seen.push((request as FastifyRequest).session?.count);
          done();
        });
      }
    });
    const jar = new Jar();
    await jar.fetch(`${url}/change`, post());
    await jar.fetch(`${url}/see`);
    expect(seen).toEqual([undefined, undefined, 1, 1]);
  });

  it('a guard sends a guest to redirectTo, and keeps where he was going', async () => {
    const url = await start();
    const answer = await instanceOf(apps[0]!).inject({
      method: 'GET',
      url: `${url}/page?a=1`,
      headers: { accept: 'text/html' },
    });
    expect([answer.statusCode, answer.headers.location, answer.cookies.length]).toEqual([302, '/sign-in', 1]);
  });

  it('@SkipSession(), forRoutes and exclude leave routes out', async () => {
    const statuses = async (url: string) => [
      (await fetch(`${url}/see`)).status,
      (await fetch(`${url}/change`, post())).status,
    ];
    const all = await start();
    expect(await (await fetch(`${all}/skipped`)).json()).toEqual({ has: false });
    const some = await start({ forRoutes: ['see'] });
    expect(await statuses(some)).toEqual([200, 500]);
    const others = await start({ exclude: ['see'] });
    expect(await statuses(others)).toEqual([500, 201]);
  });

  it.each([true, false])('skipMiddie, with a middie of the app: %s', async (own) => {
    const seen: unknown[] = [];
    @Module({ imports: [SessionModule.forRoot({ secret: SECRET })], controllers: [AppController] })
    class AppModule {}
    const adapter = new FastifyAdapter({ skipMiddie: true });
    const app = await NestFactory.create<NestFastifyApplication>(AppModule, adapter, { logger: false });
    apps.push(app);
    if (own) {
      await app.register(middie);
      app.use((req: { session?: Any }, _res: unknown, next: () => void) => {
        seen.push(req.session?.count);
        next();
      });
    }
    await app.listen(0, '127.0.0.1');
    const url = await app.getUrl();
    const jar = new Jar();
    await jar.fetch(`${url}/login`, post({ id: 'ann' }));
    await jar.fetch(`${url}/change`, post());
    expect((await jar.fetch(`${url}/me`)).status).toBe(200);
    if (own) expect(seen).toEqual([undefined, undefined, 1]);
  });

  it('an app that has none starts and answers all the same', async () => {
    @Module({ imports: [SessionModule.forRoot({ secret: SECRET })] })
    class Empty {}
    const app = await NestFactory.create<NestFastifyApplication>(Empty, new FastifyAdapter(), { logger: false });
    apps.push(app);
    await app.init();
    const answer = await app.inject({ method: 'GET', url: '/nothing' });
    expect([answer.statusCode, answer.cookies]).toEqual([404, []]);
    expect(warnings).toEqual([]);
  });
});
