import { ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { Controller, Get, type INestApplication, type MiddlewareConsumer, Req, Res, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { afterEach, describe, expect, it } from '@jest/globals';
import express, { type Request, type Response } from 'express';
import { MemoryStore, Session, SessionModule } from 'nestjs-keycard';
import { Jar, SECRET, startApp, type TestApp } from '../../support/app.js';

type WithSession = Request & { session: Record<string, unknown> };

@Controller()
class HandedOnController {
  @Get('inner')
  inner(@Session() session: Session) {
    return { n: session['n'] ?? null };
  }

  /** As a batch route does: the request goes through the app once more, with a response that nobody sends. */
  @Get('batch')
  async batch(@Req() req: WithSession, @Res() res: Response) {
    req.session['n'] = 1;
    const bytes: Buffer[] = [];
    const second = new ServerResponse(req);
    second.write = ((chunk: Buffer) => bytes.push(Buffer.from(chunk)) > 0) as never;
    req.url = req.originalUrl = '/inner';
    await new Promise<void>((resolve) => {
      second.end = ((chunk?: string) => {
        if (chunk) bytes.push(Buffer.from(chunk));
        ServerResponse.prototype.end.call(second, chunk as never, 'utf8');
        resolve();
      }) as never;
      (req.app as unknown as (req: Request, res: ServerResponse) => void)(req, second);
    });
    req.session['after'] = 'kept';
    res.json({ inner: Buffer.concat(bytes).toString() });
  }

  @Get('called')
  called(@Req() req: WithSession, @Res() res: Response) {
    req.session['n'] = (req.session['n'] as number) + 1;
    const sub = express();
    sub.use((inner: Request, answer: Response) => void answer.json({ n: (inner as WithSession).session['n'] }));
    sub(req, res);
  }

  @Get('seen')
  seen(@Req() req: WithSession) {
    return { n: req.session['n'] ?? null, after: req.session['after'] ?? null };
  }

  @Get('write')
  write(@Session() session: Session) {
    session['n'] = 2;
    return {};
  }

  @Get('logged')
  logged(@Req() req: WithSession, @Session() session: Session) {
    session['n'] = 3;
    return { text: inspect(req, { depth: 12, showHidden: true }) };
  }
}

describe('a request that is handed on', () => {
  let server: TestApp;
  afterEach(() => server.close());

  it.each(['eager', 'lazy'] as const)(
    'with another response: what its own response is to save is saved (load: %s)',
    async (load) => {
      server = await startApp([HandedOnController], { store: new MemoryStore(), load });
      const jar = new Jar();
      await jar.fetch(`${server.url}/write`);
      if (load === 'eager') {
        expect(await (await jar.fetch(`${server.url}/batch`)).json()).toEqual({ inner: '{"n":1}' });
        expect(await (await jar.fetch(`${server.url}/seen`)).json()).toEqual({ n: 1, after: 'kept' });
      } else expect(await (await jar.fetch(`${server.url}/inner`)).json()).toEqual({ n: 2 });
    },
  );

  describe.each(['eager', 'lazy'] as const)(
    '#12.2 through an Express app that is called and not mounted (load: %s)',
    (load) => {
      const foreign = (): express.Express => {
        const app = express();
        app.get(
          '/answered',
          (req: Request, res: Response) => void res.json({ n: (req as WithSession).session['n'] ?? null }),
        );
        return app;
      };
      class AuthMiddleware {
        use(_req: Request, _res: Response, next: () => void) {
          next();
        }
      }
      class ByConsumer {
        configure(consumer: MiddlewareConsumer) {
          consumer.apply(AuthMiddleware, foreign()).forRoutes('*path');
        }
      }
      Reflect.defineMetadata('imports', [], ByConsumer);
      const ways: [string, (app: INestApplication) => void, Type[]][] = [
        [
          'from app.use',
          (app) => {
            const sub = foreign();
            app.use((req: Request, res: Response, next: () => void) => sub(req, res, next));
          },
          [],
        ],
        ['from the consumer', () => undefined, [ByConsumer]],
      ];
      it.each(ways)('%s: what comes after has its session, and it is saved', async (_name, before, imports) => {
        server = await startApp([HandedOnController], { store: new MemoryStore(), load }, { before, imports });
        const jar = new Jar();
        expect((await jar.fetch(`${server.url}/write`)).status).toBe(200);
        expect(await (await jar.fetch(`${server.url}/inner`)).json()).toEqual({ n: 2 });
      });
    },
  );

  it('#12.2 what was changed before an Express app that is called answers is saved, and the app has the session', async () => {
    const sub = express();
    sub.get(
      '/x/answered',
      (req: Request, res: Response) => void res.json({ n: (req as WithSession).session['n'] ?? null }),
    );
    server = await startApp(
      [HandedOnController],
      { store: new MemoryStore() },
      {
        before: (app) =>
          app.use((req: Request, res: Response, next: () => void) => {
            if (!req.url.startsWith('/x')) return next();
            const held = (req as WithSession).session;
            held['n'] = ((held['n'] ?? 0) as number) + 1;
            sub(req, res, next);
          }),
      },
    );
    const jar = new Jar();
    expect(await (await jar.fetch(`${server.url}/x/answered`)).json()).toEqual({ n: 1 });
    expect(await (await jar.fetch(`${server.url}/x/answered`)).json()).toEqual({ n: 2 });
    expect(await (await jar.fetch(`${server.url}/called`)).json()).toEqual({ n: 3 });
    expect(await (await jar.fetch(`${server.url}/called`)).json()).toEqual({ n: 4 });
  });

  it('#12.2 nothing is put on a prototype of the framework', async () => {
    const keys = (object: object) => Reflect.ownKeys(object).map(String).sort();
    const before = express();
    server = await startApp([HandedOnController], { store: new MemoryStore(), load: 'lazy' });
    const app = server.app.getHttpAdapter().getInstance() as express.Express;
    expect([keys(app.request), keys(app.response)]).toEqual([keys(before.request), keys(before.response)]);
  });

  it.each(['eager', 'lazy'] as const)('to a log shows neither the secret nor its id (load: %s)', async (load) => {
    server = await startApp([HandedOnController], { store: new MemoryStore(), load });
    const jar = new Jar();
    await jar.fetch(`${server.url}/write`);
    const { text } = (await (await jar.fetch(`${server.url}/logged`)).json()) as { text: string };
    expect(text).toContain('RequestSession {}');
    expect(text).not.toContain(SECRET);
    // The header itself is the app's to log or not.
    expect(text.replaceAll(/s%3A[^'",;\\]*/g, '')).not.toContain(
      decodeURIComponent(jar.cookies.get('sid')!).slice(2, 34),
    );
  });
});

describe('two Nest apps on one Express', () => {
  it.each(['eager', 'lazy'] as const)('leave the first its sessions (load: %s)', async (load) => {
    const shared = express();
    const apps = [];
    for (const name of ['a', 'b']) {
      @Controller(name)
      class NamedController {
        @Get()
        count(@Session() session: Session) {
          session['n'] = ((session['n'] ?? 0) as number) + 1;
          return { n: session['n'] };
        }
      }
      const root = class {};
      const options = { secret: SECRET, store: new MemoryStore(), load, name: `sid-${name}`, forRoutes: [name] };
      Reflect.defineMetadata('imports', [SessionModule.forRoot(options)], root);
      Reflect.defineMetadata('controllers', [NamedController], root);
      const app = await NestFactory.create(root, new ExpressAdapter(shared), { logger: false });
      await app.init();
      apps.push(app);
    }
    const listener = shared.listen(0, '127.0.0.1');
    await new Promise((resolve) => listener.once('listening', resolve));
    const url = `http://127.0.0.1:${(listener.address() as { port: number }).port}`;
    const jar = new Jar();
    for (const n of [1, 2]) expect(await (await jar.fetch(`${url}/a`)).json()).toEqual({ n });
    expect([...jar.cookies.keys()]).toEqual(['sid-a']);
    listener.close();
    for (const app of apps) await app.close();
  });
});
