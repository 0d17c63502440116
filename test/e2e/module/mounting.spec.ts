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
import express from 'express';
import passport from 'passport';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { describeOnBoth } from '../../support/adapters.js';
import { Jar, SECRET, startApp, type TestApp } from '../../support/app.js';
import { ObservedStore } from '../../support/observed-store.js';
import type { AnySession } from '../../support/scripted.js';

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

describeOnBoth('the middleware', () => {
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

  it('says what is missing if @Session() is used on a route without a session', async () => {
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

describe('#12.4 the rules of routes are Nest’s', () => {
  let server: TestApp;
  let closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing) await close();
    closing = [];
  });
  const start = async (
    list: Type[],
    options: Partial<SessionModuleOptions> = {},
    before?: (app: INestApplication) => void,
  ): Promise<void> => {
    server = await startApp(
      list,
      { store: new MemoryStore(), saveUninitialized: true, ...options },
      before === undefined ? {} : { before },
    );
    closing.push(() => server.close());
  };
  /** What the handler saw, which the browser must agree with. */
  const sees = async (path: string, init: RequestInit = {}, base = server.url): Promise<string> => {
    const answer = await fetch(`${base}${path}`, init);
    const text = await answer.text();
    if (answer.status === 200)
      expect([path, answer.headers.getSetCookie().length]).toEqual([path, text === 'true' ? 1 : 0]);
    return answer.status === 200 ? text : String(answer.status);
  };

  @Controller('owned')
  class OwnedController {
    @Get('mine')
    mine(@Session() session: Session) {
      return String(session !== undefined);
    }
    @Get(':id')
    @SkipSession()
    one() {
      return 'one';
    }
  }
  @Controller({ path: 'versioned', version: '1' })
  class FirstController {
    @Get()
    @SkipSession()
    all() {
      return 'first';
    }
  }
  @Controller({ path: 'versioned', version: '2' })
  class SecondController {
    @Get()
    all(@Session() session: Session) {
      return String(session !== undefined);
    }
  }
  @Controller({ path: 'hosted', host: 'a.example' })
  class HostController {
    @Get()
    @SkipSession()
    all() {
      return 'a';
    }
  }
  @Controller('hosted')
  class AnyHostController {
    @Get()
    all(@Session() session: Session) {
      return String(session !== undefined);
    }
  }
  @Controller()
  class StarController {
    @Get('a/*/b')
    star(@Session() session: Session) {
      return String(session !== undefined);
    }
    @Get('c/*/d')
    @SkipSession()
    skipped(@Req() req: Req_) {
      return has(req);
    }
  }

  it('@SkipSession() takes no session from a route beside it', async () => {
    await start([OwnedController]);
    expect(await sees('/owned/mine')).toBe('true');
  });

  it('@SkipSession() takes no session from another version of a path', async () => {
    await start([FirstController, SecondController], {}, (app) =>
      app.enableVersioning({ type: VersioningType.HEADER, header: 'v' }),
    );
    expect(await sees('/versioned', { headers: { v: '2' } })).toBe('true');
  });

  it('@SkipSession() takes no session from another host', async () => {
    await start([HostController, AnyHostController]);
    expect(await sees('/hosted')).toBe('true');
  });

  it('a star within a path starts the app', async () => {
    await start([StarController]);
    expect([await sees('/a/x/b'), await sees('/c/x/d')]).toEqual(['true', 'false']);
  });

  it.each<[string, Partial<SessionModuleOptions>]>([
    ['forRoutes', { forRoutes: ['cats'] }],
    ['forRoutes by controller', { forRoutes: [CatsController] }],
    ['exclude', { exclude: ['dogs'] }],
  ])('a global prefix with a parameter, and other letter case: %s', async (_, options) => {
    await start([CatsController, DogsController], options, (app) => app.setGlobalPrefix('api/:tenant'));
    expect([
      await sees('/api/x/cats'),
      await sees('/API/x/CATS'),
      await sees('/api/x/dogs'),
      await sees('/API/x/DOGS'),
    ]).toEqual(['true', 'true', 'false', 'false']);
  });

  it('a version of a route', async () => {
    @Controller({ path: 'cats', version: ['1', '2'] })
    class TwoController {
      @Get()
      all(@Req() req: Req_) {
        return has(req);
      }
    }
    await start([TwoController], { exclude: [{ path: 'cats', version: '2' }] }, (app) =>
      app.enableVersioning({ type: VersioningType.URI }),
    );
    expect([await sees('/v1/cats'), await sees('/v2/cats')]).toEqual(['true', 'false']);
  });

  it.each<[string, Partial<SessionModuleOptions>]>([
    ['forRoutes', { forRoutes: ['cats'] }],
    ['exclude', { exclude: ['dogs'] }],
  ])('below a path of an outer app, and for an absolute-form URL: %s', async (_, options) => {
    await start([CatsController, DogsController], options);
    const outer = express();
    outer.use('/outer', server.app.getHttpAdapter().getInstance() as express.Express);
    const listener = outer.listen(0, '127.0.0.1');
    closing.push(() => new Promise((resolve) => listener.close(resolve)));
    await once(listener, 'listening');
    const base = `http://127.0.0.1:${(listener.address() as { port: number }).port}`;
    // Nest's consumer compares what it excludes with the whole URL.
    const excluded = options.exclude === undefined ? 'false' : 'true';
    expect([await sees('/outer/cats', {}, base), await sees('/outer/dogs', {}, base)]).toEqual(['true', excluded]);
    const { port } = new URL(server.url);
    for (const [path, expected] of [
      ['cats', 'true'],
      ['dogs', excluded],
    ] as const) {
      const [answer] = (await once(get({ port, host: '127.0.0.1', path: `http://a.example/${path}` }), 'response')) as [
        IncomingMessage,
      ];
      expect([
        await answer.setEncoding('utf8').reduce((all: string, part: string) => all + part, ''),
        answer.headers['set-cookie']?.length ?? 0,
      ]).toEqual([expected, expected === 'true' ? 1 : 0]);
    }
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

  // passport.session() asks for req.session on whatever comes by, also where there is none: its own words say so, as beside express-session.
  it.each([
    ['eager', [200, 200, 500], [/^Login sessions require session support/]],
    [
      'lazy',
      [500, 500, 500],
      [/load: 'lazy'.*load: 'eager'/, /load: 'lazy'/, /^Login sessions require session support/],
    ],
  ] as const)(
    '#12.3 with exclude, load %s, passport.session() has it or is told why not',
    async (load, statuses, said) => {
      const authenticator = new passport.Passport();
      authenticator.serializeUser((user, done) => done(null, (user as { id: number }).id));
      authenticator.deserializeUser((id, done) => done(null, { id, name: 'Ann' } as never));
      @Controller()
      class PublicController {
        @Get('public/who')
        who() {
          return 'never';
        }
      }
      const errors: string[] = [];
      const server = await startApp(
        [WhoController, PublicController],
        { load, exclude: ['public/*path'] },
        {
          before: (app) => {
            app.use(authenticator.initialize());
            app.use(authenticator.session());
            app.use((error: Error, _req: unknown, _res: unknown, next: (error: Error) => void) => {
              errors.push(error.message);
              next(error);
            });
          },
        },
      );
      try {
        const jar = new Jar();
        const found: number[] = [];
        const bodies: string[] = [];
        for (const path of ['login', 'who', 'public/who']) {
          const answer = await jar.fetch(`${server.url}/${path}`);
          found.push(answer.status);
          bodies.push(await answer.text());
        }
        expect(found).toEqual(statuses);
        expect(errors).toEqual(said.map((each) => expect.stringMatching(each)));
        if (load === 'eager') expect(bodies[1]).toBe('{"user":"Ann"}');
      } finally {
        await server.close();
      }
    },
  );
});
