import {
  Controller,
  Delete,
  Get,
  type INestApplication,
  Module,
  Post,
  Req,
  RequestMethod,
  type Type,
  VersioningType,
} from '@nestjs/common';
import { NestFactory, RouterModule } from '@nestjs/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import { MemoryStore, Session, SessionModule, type SessionModuleOptions, SkipSession } from 'nestjs-keycard';
import passport from 'passport';
import { Jar, SECRET, startApp, type TestApp } from '../support/app.js';
import { ObservedStore } from '../support/observed-store.js';
import type { AnySession } from '../support/scripted.js';

type Req_ = { session?: AnySession };
const has = (req: Req_): string => String(req.session !== undefined);

@Controller('cats')
class CatsController {
  @Get()
  all(@Req() req: Req_) {
    return has(req);
  }
  @Get(':id')
  one(@Req() req: Req_) {
    return has(req);
  }
  @Post(':id')
  change(@Req() req: Req_) {
    return has(req);
  }
  @Delete(':id/toys/:toy')
  toy(@Req() req: Req_) {
    return has(req);
  }
}

@Controller('dogs')
class DogsController {
  @Get()
  all(@Req() req: Req_) {
    return has(req);
  }
  @Get('health')
  @SkipSession()
  health(@Req() req: Req_) {
    return has(req);
  }
  @Post('health')
  report(@Req() req: Req_) {
    return has(req);
  }
  @Get('asks')
  @SkipSession()
  asks(@Session() session: Session) {
    return String(session);
  }
}

@Controller(['metrics', 'probes'])
@SkipSession()
class SkippedController {
  @Get()
  all(@Req() req: Req_) {
    return has(req);
  }
  @Get(['ready', 'live/:name'])
  ready(@Req() req: Req_) {
    return has(req);
  }
}

const controllers = [CatsController, DogsController, SkippedController];

describe('the middleware', () => {
  let server: TestApp;
  let store: ObservedStore;
  afterEach(() => server.close());
  const start = async (
    options: Partial<SessionModuleOptions> = {},
    before?: (app: INestApplication) => void,
  ): Promise<void> => {
    store = new ObservedStore(new MemoryStore());
    server = await startApp(
      controllers,
      { store, saveUninitialized: true, ...options },
      before === undefined ? {} : { before },
    );
  };
  /** Whether a request had a session: as the handler, the store and the browser saw it, which must agree. */
  const covers = async (path: string, method = 'GET'): Promise<boolean> => {
    store.forget();
    const answer = await fetch(`${server.url}${path}`, { method });
    const text = await answer.text();
    expect([path, text]).toEqual([path, expect.stringMatching(/^(true|false)$/)]);
    expect([store.names.length, answer.headers.getSetCookie().length]).toEqual(text === 'true' ? [1, 1] : [0, 0]);
    return text === 'true';
  };
  const coverage = async (...paths: string[]): Promise<Record<string, boolean>> => {
    const found: Record<string, boolean> = {};
    for (const path of paths) {
      const [method, url] = path.includes(' ') ? path.split(' ') : ['GET', path];
      found[path] = await covers(url!, method);
    }
    return found;
  };

  it('covers every route by default', async () => {
    await start();
    expect(await coverage('/cats', '/cats/7', 'POST /cats/7', 'DELETE /cats/7/toys/1', '/dogs')).toEqual({
      '/cats': true, '/cats/7': true, 'POST /cats/7': true, 'DELETE /cats/7/toys/1': true, '/dogs': true,
    }); // prettier-ignore
  });

  it.each<[string, NonNullable<SessionModuleOptions['exclude']>]>([
    ['text', ['cats/:id']],
    ['text with a slash', ['/cats/:id']],
    ['a route', [{ path: 'cats/:id' }]],
    ['a route of all methods', [{ path: 'cats/:id', method: RequestMethod.ALL }]],
  ])('leaves out what exclude names by %s', async (_, exclude) => {
    await start({ exclude });
    expect(await coverage('/cats', '/cats/7', '/cats/7?x=/cats', 'POST /cats/7', 'DELETE /cats/7/toys/1', '/dogs')).toEqual({
      '/cats': true, '/cats/7': false, '/cats/7?x=/cats': false, 'POST /cats/7': false, 'DELETE /cats/7/toys/1': true, '/dogs': true,
    }); // prettier-ignore
  });

  it('leaves out one method of a path', async () => {
    await start({ exclude: [{ path: 'cats/:id', method: RequestMethod.POST }] });
    expect(await coverage('/cats/7', 'POST /cats/7')).toEqual({ '/cats/7': true, 'POST /cats/7': false });
  });

  it.each(['cats/*path', 'cats{/*path}', 'cats/*', 'cats/(.*)'])(
    'leaves out what the wildcard %s names',
    async (wildcard) => {
      await start({ exclude: [wildcard] });
      expect(await coverage('/cats/7', 'DELETE /cats/7/toys/1', '/dogs')).toEqual({
        '/cats/7': false,
        'DELETE /cats/7/toys/1': false,
        '/dogs': true,
      });
    },
  );

  it('covers only what forRoutes names, less what exclude does', async () => {
    await start({ forRoutes: [CatsController], exclude: [{ path: 'cats/:id', method: RequestMethod.GET }] });
    expect(await coverage('/cats', '/cats/7', 'POST /cats/7', '/dogs')).toEqual({
      '/cats': true,
      '/cats/7': false,
      'POST /cats/7': true,
      '/dogs': false,
    });
    const head = await fetch(`${server.url}/cats`, { method: 'HEAD' });
    expect([head.status, head.headers.getSetCookie().length]).toEqual([200, 1]);
    await server.close();
    await start({ forRoutes: ['dogs', { path: 'cats', method: RequestMethod.GET }] });
    expect(await coverage('/cats', '/cats/7', '/dogs', 'POST /dogs/health')).toEqual({
      '/cats': true,
      '/cats/7': false,
      '/dogs': true,
      'POST /dogs/health': false,
    });
  });

  it('reads paths below the global prefix', async () => {
    await start({ exclude: ['cats/:id'] }, (app) => app.setGlobalPrefix('api/v1'));
    expect(await coverage('/api/v1/cats', '/api/v1/cats/7', '/api/v1/dogs/health')).toEqual({
      '/api/v1/cats': true,
      '/api/v1/cats/7': false,
      '/api/v1/dogs/health': false,
    });
  });

  it('leaves out @SkipSession() on a class, with each of its paths, and on a method', async () => {
    await start();
    expect(await coverage('/metrics', '/probes', '/metrics/ready', '/probes/live/db', '/dogs/health', 'POST /dogs/health', '/dogs')).toEqual({
      '/metrics': false, '/probes': false, '/metrics/ready': false, '/probes/live/db': false, '/dogs/health': false, 'POST /dogs/health': true, '/dogs': true,
    }); // prettier-ignore
  });

  it('leaves out @SkipSession() under the prefix of a RouterModule, and under versions of the URI', async () => {
    @Module({ controllers: [DogsController] })
    class PetsModule {}
    store = new ObservedStore(new MemoryStore());
    server = await startApp(
      [],
      { store, saveUninitialized: true },
      {
        imports: [PetsModule, RouterModule.register([{ path: 'pets', module: PetsModule }])],
        before: (app) => app.enableVersioning({ type: VersioningType.URI, defaultVersion: '2' }),
      },
    );
    expect(await coverage('/v2/pets/dogs', '/v2/pets/dogs/health')).toEqual({
      '/v2/pets/dogs': true,
      '/v2/pets/dogs/health': false,
    });
    await server.close();
    server = await startApp(
      [CatsController],
      { store, saveUninitialized: true, forRoutes: [DogsController] },
      {
        imports: [PetsModule, RouterModule.register([{ path: 'pets', module: PetsModule }])],
        before: (app) => app.enableVersioning({ type: VersioningType.URI, defaultVersion: ['2', '3'] }),
      },
    );
    expect(await coverage('/v2/pets/dogs', '/v3/pets/dogs/health', '/v3/pets/dogs', '/v2/cats')).toEqual({
      '/v2/pets/dogs': true, '/v3/pets/dogs/health': false, '/v3/pets/dogs': true, '/v2/cats': false,
    }); // prettier-ignore
  });

  it('says what is missing where @Session() is asked for on a route without a session', async () => {
    await start();
    expect((await fetch(`${server.url}/dogs/asks`)).status).toBe(500);
  });

  it('runs before what main.ts mounts, whose changes are saved with the request', async () => {
    await start({}, (app) =>
      app.use((req: Req_, _res: unknown, next: () => void) => {
        req.session!.seen = true;
        next();
      }),
    );
    expect(await covers('/cats')).toBe(true);
  });
});

describe('what main.ts hands to app.use', () => {
  @Controller()
  class WhoController {
    @Get('login')
    async login(@Req() req: { login(user: object, done: (error: unknown) => void): void }) {
      await new Promise<void>((resolve, reject) =>
        req.login({ id: 7, name: 'Ann' }, (error) =>
          error === null || error === undefined ? resolve() : reject(error as Error),
        ),
      );
      return 'ok';
    }
    @Get('who')
    who(@Req() req: { user?: { name: string }; seen?: string }) {
      return { user: req.user?.name ?? null, seen: req.seen };
    }
  }

  it.each<[string, (controllers: Type[], use: (app: INestApplication) => void) => Promise<TestApp>]>([
    ['@nestjs/testing', (list, use) => startApp(list, {}, { before: use })],
    [
      'NestFactory.create',
      async (list, use) => {
        @Module({ imports: [SessionModule.forRoot({ secret: SECRET })], controllers: list })
        class AppModule {}
        const app = await NestFactory.create(AppModule, { logger: false });
        use(app);
        await app.listen(0, '127.0.0.1');
        return {
          app,
          url: `http://127.0.0.1:${(app.getHttpServer().address() as { port: number }).port}`,
          close: () => app.close(),
        };
      },
    ],
  ])('comes after the session, so that passport.session() finds it: under %s', async (_, create) => {
    const authenticator = new passport.Passport();
    authenticator.serializeUser((user, done) => done(null, (user as { id: number }).id));
    authenticator.deserializeUser((id, done) => done(null, { id, name: 'Ann' } as never));
    const server = await create([WhoController], (app) => {
      app.use((req: { session?: { id: string }; seen?: string }, _res: unknown, next: () => void) => {
        req.seen = typeof req.session?.id;
        next();
      });
      app.use(authenticator.initialize());
      app.use(authenticator.session());
    });
    const jar = new Jar();
    expect(await (await jar.fetch(`${server.url}/who`)).json()).toEqual({ user: null, seen: 'string' });
    expect((await jar.fetch(`${server.url}/login`)).status).toBe(200);
    expect(await (await jar.fetch(`${server.url}/who`)).json()).toEqual({ user: 'Ann', seen: 'string' });
    await server.close();
  });
});
